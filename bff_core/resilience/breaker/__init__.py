"""The circuit breaker: a service that keeps failing is not asked for a while, then tried with a few calls.

The machine is that of sony/gobreaker v1, under its names. **Closed**: calls go through and are counted; when the trip
rule says so after a failure, the breaker opens. **Open**: calls are refused; the first look more than ``timeout`` after
the opening finds it half-open, for there is no timer. **Half-open**: ``max_requests`` calls go through in all, as
probes; so many successes close the breaker, one failure opens it again, one call more is refused as busy.

A *generation* is the time between two changes, and in the closed state also between two clearings of the counts. A
result counts only in the generation that its call began in. What else is easily got wrong stands in ``machine.py``.

A call ends in one of three ways, and ``verdict`` says in which:

==========  ==========================================================================================================
success     a whole answer; also a refusal that is the service's own word: every status below 500 but 408 and 429
failure     no connection or a broken one, no answer in time, 500, 502, 503, 504, an answer that cannot be read
no matter   408 and 429, other statuses from 500 on, our own refusals (bulkhead, deadline, keys, breaker), our own bugs;
            and the caller's cancellation, which is no ``BffError``: whoever catches it says ``ignored()``
==========  ==========================================================================================================

A bad element inside a good list is that key's error and not the call's: the verdict is asked for the call's error.
Where we leave gobreaker, and why, stands in ``docs/adr/0010-circuit-breaker-as-gobreaker.md``.
"""

from bff_core.resilience.breaker.breaker import Admission, Breaker, BreakerStatistics
from bff_core.resilience.breaker.counts import Counts
from bff_core.resilience.breaker.options import BreakerOptions
from bff_core.resilience.breaker.rule import TripRule
from bff_core.resilience.breaker.verdict import Verdict, verdict

__all__ = ["Admission", "Breaker", "BreakerOptions", "BreakerStatistics", "Counts", "TripRule", "Verdict", "verdict"]
