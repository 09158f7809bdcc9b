"""Settings and training loop shared by pretraining and fine-tuning."""
