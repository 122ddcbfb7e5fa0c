"""Published values of editors that take gradients of weights, by model and method."""

from __future__ import annotations

from typing import Any

# run.sh of XiaojieGu/UltraEdit and MINE-USTC/StableEdit (zsre); hparams of ICT-STAR/LocFT, and LoRA of zjunlp/EasyEdit
ULTRA = {"lr": 1e-6, "l2": 1, "mini_batch": 10}
STABLE = {"l2": 10, "mini_batch": 10, "warm_steps": 20, "warm_batch": 100}
LOCFT = {"steps": 25, "lr": 5e-4, "batch_size": 100, "end_of_text": True}
LORA = {"rank": 8, "alpha": 32, "dropout": 0.1, "lr": 5e-3, "batch_size": 100}
TRAINED: dict[str, dict[str, Any]] = {
    "llama3-8b": {
        "ultraedit": {**ULTRA, "gate_layers": [*range(11, 16)], "up_layers": [*range(18, 25)]},
        "stableedit": {**STABLE, "lr": 1e-6, "layers": [11, 12, 22, 23, 28, 29, 30]},
        "locft-bf": {**LOCFT, "layer": 22},
        "lora": {**LORA, "layers": ["0-31"], "target_modules": ["q_proj", "v_proj"], "steps": 70},
    },
    "qwen2.5-7b": {
        "ultraedit": {**ULTRA, "gate_layers": [*range(18, 27)], "up_layers": [*range(18, 27)]},
        "stableedit": {**STABLE, "lr": 2e-6, "layers": [*range(8, 15), *range(18, 26)]},
        "locft-bf": {**LOCFT, "layer": 6},
        "lora": {**LORA, "layers": ["0-27"], "target_modules": ["q_proj", "v_proj"], "steps": 70},
    },
    "gpt-j-6b": {
        "ultraedit": {**ULTRA, "layers": [*range(18, 27)]},
        "stableedit": {**STABLE, "lr": 2e-6, "layers": [*range(7, 16), *range(18, 26)]},
        "locft-bf": {**LOCFT, "layer": 19},
        "lora": {**LORA, "layers": ["0-27"], "target_modules": ["fc_in", "fc_out"], "steps": 50},
    },
}
