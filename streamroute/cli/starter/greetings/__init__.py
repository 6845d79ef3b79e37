"""Your handlers: any module beside routes.yaml can be named there."""
