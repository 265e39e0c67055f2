// SPDX-License-Identifier: Apache-2.0
#include "serving/system/system_relation.h"

namespace braid::serving {

namespace {

/// Braid's own relations. Documented and stable: docs/operating/system-relations.md.
constexpr RelationText kBraid[] = {
    {"braid", "audits", 13901, 'v',
     "number:int8! stream:text view:text version:int8! cut:text! matched:bool! "
     "batch_digest:text! speed_digest:text! difference:text! audited_at:timestamptz "
     "verdict:text!"},
    {"braid", "erasures", 13909, 'v',
     "stream:text! number:int8! predicate_hash:text! ends:text! events:int8! "
     "erased_at:timestamptz! published_at:timestamptz done_at:timestamptz"},
    {"braid", "quarantine", 13902, 'v',
     "stream:text! _partition:int4 _offset:int8 _ingested_at:timestamptz _error:text! _raw:text "
     "view:text"},
    {"braid", "receipts", 13903, 'v',
     "number:int8! finished_at:timestamptz statement:text! receipt:text!"},
    {"braid", "runs", 13904, 'v',
     "run:int8! view:text version:int8! kind:text! box:text! rows:int8! bytes:int8! parts:int4! "
     "digest:text! counted:int8! filtered:int8! quarantined:int8! failed:int8! "
     "level:int4! increments:int4! expired:int8! erased:int8!"},
    {"braid", "sources", 13907, 'v',
     "stream:text! source:text! state:text! position:int8 size:int8 lag:int8 last_error:text"},
    {"braid", "streams", 13905, 'v',
     "name:text! connector:text! format:text! partitions:int4! log:text! origin:text! "
     "archive_end:text! sealed_frontier:text! durable_end:text cut:text cut_number:int8 "
     "segments:int4! segment_rows:int8! segment_bad_rows:int8! segment_bytes:int8! "
     "created_at:timestamptz state:text! error:text clock:timestamptz retention:text "
     "horizon:timestamptz start:text removed_rows:int8"},
    {"braid", "tasks", 13908, 'v',
     "number:int8! kind:text! stream:text unit:text! done:int8! total:int8 "
     "began_at:timestamptz"},
    {"braid", "views", 13906, 'v',
     "name:text! kind:text! stream:text version:int8 definition:text! time_zone:text "
     "is_populated:bool! runs:int4! rows:int8! bytes:int8! created_at:timestamptz counted:int8 "
     "filtered:int8 quarantined:int8 failed:int8 expired:int8 keys_max:int8 "
     "retention:text horizon:timestamptz erased:int8 complete_since:text"},
};

}  // namespace

std::span<const RelationText> braid_texts() { return kBraid; }

}  // namespace braid::serving
