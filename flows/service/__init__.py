"""The service of a project: Prefect's server with its pages, a worker, the deployments of prefect.yaml."""
