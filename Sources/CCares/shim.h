// c-ares, and what Swift can't say of it: masks of options, and functions that newer versions call
// deprecated while older ones have nothing else.
#pragma once
#include <ares.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

/// Opens a channel. Without `servers` (a list with commas, each with its port) the system's
/// configuration holds: its servers, search domains, and file of hosts.
static inline int ccares_open(ares_channel *channel, const char *servers, int timeout_ms,
                              int tries, ares_sock_state_cb callback, void *data) {
  struct ares_options options;
  memset(&options, 0, sizeof options);
  options.timeout = timeout_ms;
  options.tries = tries;
  options.sock_state_cb = callback;
  options.sock_state_cb_data = data;
  int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
  char lookups[] = "b";
#ifdef ARES_OPT_QUERY_CACHE
  // How long an answer holds is for `valid=` to say.
  options.qcache_max_ttl = 0;
  mask |= ARES_OPT_QUERY_CACHE;
#endif
  if (servers) {
    options.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES;
    options.lookups = lookups;
    mask |= ARES_OPT_FLAGS | ARES_OPT_LOOKUPS | ARES_OPT_DOMAINS | ARES_OPT_ROTATE;
  }
  int status = ares_init_options(channel, &options, mask);
  if (status != ARES_SUCCESS || !servers) return status;
  status = ares_set_servers_ports_csv(*channel, servers);
  if (status != ARES_SUCCESS) ares_destroy(*channel);
  return status;
}

/// Asks for SRV records.
static inline void ccares_query_services(ares_channel channel, const char *name,
                                         ares_callback callback, void *argument) {
  ares_query(channel, name, 1 /* IN */, 33 /* SRV */, callback, argument);
}

/// The SRV records of an answer, in a list that `ares_free_data` frees.
static inline int ccares_services(const unsigned char *answer, int count,
                                  struct ares_srv_reply **records) {
  return ares_parse_srv_reply(answer, count, records);
}

/// The shortest TTL of the records of an answer, in seconds; -1 when it has none.
static inline long ccares_shortest_ttl(const unsigned char *answer, int count) {
  if (count < 12) return -1;
  unsigned questions = (unsigned)answer[4] << 8 | answer[5];
  unsigned records = (unsigned)answer[6] << 8 | answer[7];
  const unsigned char *place = answer + 12, *end = answer + count;
  long shortest = -1;
  for (unsigned index = 0; index < questions + records; index++) {
    char *name;
    long used;
    if (place >= end || ares_expand_name(place, answer, count, &name, &used) != ARES_SUCCESS)
      return shortest;
    ares_free_string(name);
    if (end - place < used + (index < questions ? 4 : 10)) return shortest;
    place += used;
    if (index < questions) {
      place += 4;
      continue;
    }
    long ttl = (long)place[4] << 24 | (long)place[5] << 16 | (long)place[6] << 8 | place[7];
    // A TTL with the highest bit set counts as none (RFC 2181 section 8).
    if (ttl > 0x7fffffff) ttl = 0;
    if (shortest < 0 || ttl < shortest) shortest = ttl;
    long size = (long)place[8] << 8 | place[9];
    if (end - place < 10 + size) return shortest;
    place += 10 + size;
  }
  return shortest;
}

static inline void ccares_process(ares_channel channel, ares_socket_t reads,
                                  ares_socket_t writes) {
  ares_process_fd(channel, reads, writes);
}

#pragma GCC diagnostic pop
