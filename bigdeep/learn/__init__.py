"""How a net learns: losses, mixup, optimizers with their regularisers, and schedules."""
