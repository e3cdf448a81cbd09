"""The rule of GraphQL that compares fields of one response name with one another, with a bound on its comparisons.

Two fields that are named alike are compared, and all below them, and what fragments put beside them; so what a
document repeats costs by its square. graphql-core counts what it compares and gives up after 500,000, which takes it a
quarter of a second and more. The count is of its rule, so a rule of our own begins with less.
"""

from __future__ import annotations

from graphql import OverlappingFieldsCanBeMergedRule, ValidationContext, specified_rules
from graphql.validation import ASTValidationRule

#: All that graphql-core says when it gives up comparing fields or following fragments.
ABORTED = "Validation aborted."


def bounded_rules(comparisons: int) -> tuple[type[ASTValidationRule], ...]:
    """GraphQL's own rules, of which the one that compares fields gives up after so many comparisons."""

    class BoundedOverlap(OverlappingFieldsCanBeMergedRule):
        def __init__(self, context: ValidationContext) -> None:
            super().__init__(context)
            self.rule_context.remaining_complexity_budget = comparisons

    return tuple(BoundedOverlap if rule is OverlappingFieldsCanBeMergedRule else rule for rule in specified_rules)
