"""The doctor: looks at a BFF as it is declared and set, without anything that runs, and says what is not well.

    for finding in examine(web, web.load_settings()):
        print(finding)

One file a topic: ``calls``, ``targets``, ``breakers``, ``fans``, ``kept``, ``doors``, ``critical``, ``blast``,
``costly``. Each yields findings; ``report`` puts them together with what is in force.
"""

from bff_core.doctor.blast import Blast
from bff_core.doctor.finding import Finding, Severity
from bff_core.doctor.report import InForce, KeptEndpoint, Report, ServiceInForce, dangers, examine, report

__all__ = [
    "Blast",
    "Finding",
    "InForce",
    "KeptEndpoint",
    "Report",
    "ServiceInForce",
    "Severity",
    "dangers",
    "examine",
    "report",
]
