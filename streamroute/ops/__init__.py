"""Operations around an app: serve, workers, metrics, dead letters, tests. Knows no command-line option."""
