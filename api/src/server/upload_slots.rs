//! How many uploads go on at a time: few enough for the memory of one process, and of one workspace only a part of them, so
//! that it cannot keep the others out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use entity::id::WorkspaceId;

/// In one process: each upload holds a part of its object in memory, which is up to 5 MiB.
const AT_ONCE: usize = 32;
/// Of one workspace.
const OF_ONE: usize = 8;

/// The uploads in progress, by workspace.
#[derive(Clone, Default)]
pub(super) struct UploadSlots(Arc<Mutex<HashMap<WorkspaceId, usize>>>);

/// The right to go on with one upload, until it is dropped.
pub(super) struct UploadSlot {
    slots: UploadSlots,
    workspace: WorkspaceId,
}

impl UploadSlots {
    /// A slot; none where too many are taken.
    pub(super) fn take(&self, workspace: WorkspaceId) -> Option<UploadSlot> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.values().sum::<usize>() >= AT_ONCE || taken.get(&workspace).copied().unwrap_or(0) >= OF_ONE {
            return None;
        }
        *taken.entry(workspace).or_default() += 1;
        Some(UploadSlot { slots: self.clone(), workspace })
    }
}

impl Drop for UploadSlot {
    fn drop(&mut self) {
        let mut taken = self.slots.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.workspace) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.workspace);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use entity::id::WorkspaceId;

    use super::{AT_ONCE, OF_ONE, UploadSlots};

    #[test]
    fn one_workspace_has_a_part_of_the_slots_and_all_come_back() {
        let slots = UploadSlots::default();
        let workspaces = [(); AT_ONCE / OF_ONE].map(|()| WorkspaceId::new());
        let mut held = Vec::new();
        for workspace in workspaces {
            held.extend((0..OF_ONE).map(|_| slots.take(workspace).expect("a slot")));
            assert!(slots.take(workspace).is_none(), "its share is taken");
        }
        assert!(slots.take(WorkspaceId::new()).is_none(), "all are taken");
        held.pop();
        let late = slots.take(WorkspaceId::new());
        assert!(late.is_some());
        drop((held, late));
        assert!(slots.0.lock().expect("not poisoned").is_empty());
    }
}
