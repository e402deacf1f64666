"""metaplast: spiking neural networks whose plasticity is itself learned."""
