"""Whether sites are more than marks."""

from __future__ import annotations

import mujoco


def sites_act(model: mujoco.MjModel) -> bool:
    """Whether a force, constraint or tendon is attached to a site."""
    return bool(
        (model.actuator_trntype == mujoco.mjtTrn.mjTRN_SITE).any()
        or (model.actuator_trntype == mujoco.mjtTrn.mjTRN_SLIDERCRANK).any()
        or (model.eq_objtype == mujoco.mjtObj.mjOBJ_SITE).any()
        or (model.wrap_type == mujoco.mjtWrap.mjWRAP_SITE).any()
    )
