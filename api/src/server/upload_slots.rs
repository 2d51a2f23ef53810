//! How many uploads go on at a time: few enough for the memory of one process, and of one workspace and of one person only a
//! part of them, so that neither keeps the others out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use entity::id::{UserId, WorkspaceId};
use uuid::Uuid;

/// In one process: each upload holds a part of its object in memory, which is up to 5 MiB.
const AT_ONCE: usize = 32;
/// Of one workspace, and of one person in all of theirs.
const OF_ONE: usize = 8;

/// The uploads in progress.
#[derive(Clone, Default)]
pub(super) struct UploadSlots(Arc<Mutex<Taken>>);

#[derive(Default)]
struct Taken {
    all: usize,
    of: HashMap<Uuid, usize>,
}

/// The right to go on with one upload, until it is dropped.
pub(super) struct UploadSlot {
    slots: UploadSlots,
    owners: [Uuid; 2],
}

impl UploadSlots {
    /// A slot; none where too many are taken.
    pub(super) fn take(&self, workspace: WorkspaceId, person: UserId) -> Option<UploadSlot> {
        let owners = [workspace.0, person.0];
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = |owner| taken.of.get(owner).is_some_and(|count| *count >= OF_ONE);
        if taken.all >= AT_ONCE || owners.iter().any(is_full) {
            return None;
        }
        taken.all += 1;
        for owner in owners {
            *taken.of.entry(owner).or_default() += 1;
        }
        Some(UploadSlot { slots: self.clone(), owners })
    }
}

impl Drop for UploadSlot {
    fn drop(&mut self) {
        let mut taken = self.slots.0.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all -= 1;
        for owner in self.owners {
            if let Some(count) = taken.of.get_mut(&owner) {
                *count -= 1;
                if *count == 0 {
                    taken.of.remove(&owner);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use entity::id::{UserId, WorkspaceId};

    use super::{AT_ONCE, OF_ONE, UploadSlots};

    #[test]
    fn one_workspace_and_one_person_have_a_part_of_the_slots_and_all_come_back() {
        let slots = UploadSlots::default();
        let workspaces = [(); AT_ONCE / OF_ONE].map(|()| WorkspaceId::new());
        let busy = UserId::new();
        let mut held = Vec::new();
        held.extend((0..OF_ONE).map(|_| slots.take(WorkspaceId::new(), busy).expect("a slot")));
        assert!(slots.take(WorkspaceId::new(), busy).is_none(), "the person's share is taken");
        for workspace in workspaces.into_iter().skip(1) {
            held.extend((0..OF_ONE).map(|_| slots.take(workspace, UserId::new()).expect("a slot")));
            assert!(slots.take(workspace, UserId::new()).is_none(), "the workspace's share is taken");
        }
        assert!(slots.take(WorkspaceId::new(), UserId::new()).is_none(), "all are taken");
        held.pop();
        let late = slots.take(WorkspaceId::new(), UserId::new());
        assert!(late.is_some());
        drop((held, late));
        let taken = slots.0.lock().expect("not poisoned");
        assert!(taken.all == 0 && taken.of.is_empty());
    }
}
