// SPDX-License-Identifier: Apache-2.0
#include "dataset/segment_files.h"

#include "dataset/segment_input.h"

namespace braid::dataset {

Result<std::shared_ptr<SegmentInput>> SegmentFiles::get(const std::string& path) {
    std::shared_ptr<Entry> entry;
    {
        const ScopedLock lock(mutex_);
        std::shared_ptr<Entry>& known = entries_[path];
        if (!known) known = std::make_shared<Entry>();
        entry = known;
    }
    const ScopedLock lock(entry->mutex);
    if (std::shared_ptr<SegmentInput> open = entry->input.lock()) return open;
    std::shared_ptr<SegmentInput> opened = TRY(SegmentInput::open(store_, path));
    entry->input = opened;
    return opened;
}

}  // namespace braid::dataset
