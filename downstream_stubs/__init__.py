"""Room `downstream_stubs`: the shop's REST services, real enough to develop and to test against.

Each service is a process, a port, a data file and an OpenAPI document of its own. They share `frame` and, to fill
their data, `history`; they import nothing of the BFFs, and reach each other by HTTP only.
"""
