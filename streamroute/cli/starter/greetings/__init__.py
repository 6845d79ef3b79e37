"""Your handlers: routes.yaml can refer to any module in its folder."""
