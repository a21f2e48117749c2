"""`python -P -m flows.service.attached …`: a command of Prefect's that ends with the process that started it.

See :func:`tasks.processes.end_group_with_parent`.
"""

from tasks.processes import end_group_with_parent

if __name__ == "__main__":
    end_group_with_parent()
    from prefect.cli import app

    app()
