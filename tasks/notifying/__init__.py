"""Tell people and programs what happens to the line: events, messages, an outbox, mail and webhooks."""
