"""The demonstration: the main job on this machine, with an embedded broker and an emulator."""
