import hashlib

from tasks.packing import schema
from tasks.packing.prior import prior
from tasks.packing.recording import read_model, record
from tasks.packing.tree import serialize


def test_the_prior_is_the_one_of_this_format() -> None:
    """Whoever changes it changes what every container means: then the versions in container.py have to change too."""
    assert hashlib.sha256(serialize(prior())).hexdigest()[:16] == "3c7e90582228e611"


def test_the_prior_is_a_model_in_the_form_that_is_packed() -> None:
    tree = prior()
    assert record(read_model(serialize(tree))) == tree
    graph = schema.subgraphs(tree)[0]
    assert len(list(schema.biases(tree))) == 7
    assert len(schema.items(graph.fields[schema.OPERATORS])) == 13
