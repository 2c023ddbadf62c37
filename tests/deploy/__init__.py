"""What is in deploy/, under test: rules, dashboards, images, charts."""
