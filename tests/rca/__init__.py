"""Root causes: taxonomies, reports, narrowing, conclusions."""
