// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/memory_share.h"
#include "base/metric.h"
#include "base/random.h"
#include "model/health.h"
#include "plan/view_plan.h"
#include "read/reader.h"
#include "serving/control.h"
#include "serving/record_checker.h"
#include "serving/session/record_appender.h"
#include "serving/system/receipt_log.h"
#include "serving/system/system_catalog.h"

namespace braid::serving {

/// What all sessions of a node share. Everything pointed to outlives them; all of it is
/// thread-safe.
struct Services {
    Control* control = nullptr;
    read::Reader* reader = nullptr;
    const Clock* clock = nullptr;
    Random* random = nullptr;
    Metrics* metrics = nullptr;
    plan::ViewPlans* view_plans = nullptr;   // may be null
    QuarantineSource* quarantine = nullptr;  // may be null
    ReceiptLog* receipts = nullptr;
    RecordAppender* appender = nullptr;
    const Health* health = nullptr;           // may be null
    RecordChecker* record_checker = nullptr;  // may be null
    /// What clients make the node hold: what they send, and what their sessions keep. Null: any.
    MemoryShare* clients = nullptr;
    std::string version;
    int64_t started_at_us = 0;  // Unix microseconds
};

}  // namespace braid::serving
