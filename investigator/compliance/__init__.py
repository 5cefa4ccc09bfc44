"""Which controls a trace breaks: one scope a control, one verdict each, none without evidence."""
