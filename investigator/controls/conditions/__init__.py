"""The one language of controls: when one applies, which calls it means, what each must meet."""
