"""The service: Celery tasks, their workflow, the SQL store, artefacts, the embedded stack.

From top to bottom, each room knowing those below it alone: `embedded` (the stack of one machine), `tasks` and `sweeper`
(what moves submissions on), `workflow` (the step that follows), `worker` (a process that runs tasks) and `webhooks`,
`views` (what rows say), `messages` and `files`, `store`, `request` (what can be asked for).

Loose beside them lie `workflow` and `sweeper`, and what all of them read: `settings`, `capacity`, `logs`, `tracing`,
`private`, `version`, `errors`. `__main__` becomes one process of the service.
"""
