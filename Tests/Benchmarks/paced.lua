-- The same load for every proxy, however fast it is: each connection waits between its requests,
-- so that 64 of them ask about 6,000 times a second.
function delay()
  return math.random(5, 15)
end
