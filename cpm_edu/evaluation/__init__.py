"""What a trained model is worth on labelled people: per stage, and by the rules of the published benchmarks."""

from .stages import predict_people, stage_pck, two_person_pck

__all__ = ["predict_people", "stage_pck", "two_person_pck"]
