"""Operations around an app: serve, workers, metrics, dead letters, tests. Independent of the CLI options."""
