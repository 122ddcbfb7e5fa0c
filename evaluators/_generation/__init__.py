"""How free answers are read: where they end, what of them is compared, and with what chance would say."""
