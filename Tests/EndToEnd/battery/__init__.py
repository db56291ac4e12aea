"""Raw messages that two recipients could read differently, each with what must come of it.

A family is a module with the dictionary `CASES`: its first line says what its cases have in common.
`case.py` says what a case is, `tables.py` lists the families; `test_battery.py` holds Waybill to
them, and `compare-readers` shows the same bytes to nginx and HAProxy.
"""
