"""Outcomes of slimline's own; what a release of one needs is known by its name alone."""

from tasks.workloads.outcomes.classes import Classes
from tasks.workloads.outcomes.next_token import NextToken
from tasks.workloads.outcomes.numbers import Numbers
from tasks.workloads.outcomes.ranking import Ranking
from tasks.workloads.protocol import Outcome

OUTCOMES: tuple[Outcome, ...] = (Classes(), NextToken(), Numbers(), Ranking())
