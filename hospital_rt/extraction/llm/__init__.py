"""The model's reader: sends numbered sentences to any server of OpenAI's chat completions, and reads its answer."""
