// SPDX-License-Identifier: Apache-2.0
#include "operators/fold/retention.h"

#include <utility>

#include "base/check.h"
#include "columnar/key_codec.h"
#include "columnar/time_zone.h"
#include "plan/time_key.h"

namespace braid::operators {

namespace {

/// A moment as a value of the event time's type; nothing where that cannot hold it.
std::optional<Datum> moment(const Type& type, __int128 unix_us) {
    const __int128 us = unix_us + kUnixEpochUs;
    if (us <= INT64_MIN || us >= INT64_MAX) return std::nullopt;
    if (type.kind != TypeKind::kDate) return Datum{type, static_cast<int64_t>(us)};
    const __int128 days = us / kMicrosPerDay - (us % kMicrosPerDay < 0 ? 1 : 0);
    return Datum{type, static_cast<int32_t>(days)};
}

}  // namespace

KeyFloor::KeyFloor(const plan::ViewPlan& plan, size_t key, const Datum& value)
    : key_(key), is_date_(value.type.kind == TypeKind::kDate) {
    value_ = is_date_ ? value.as<int32_t>() : value.as<int64_t>();
    encode_key(value, encoded_);
    for (size_t index = 0; index < key; ++index) before_.push_back(plan.keys[index]->type);
}

bool KeyFloor::has_expired(const Column& keys, size_t row) const {
    if (keys.is_null(row)) return false;
    return (is_date_ ? keys.at<int32_t>(row) : keys.at<int64_t>(row)) < value_;
}

bool KeyFloor::has_expired(std::string_view key) const {
    for (const Type& type : before_) {
        const auto size = key_value_size(key, type);
        CHECK(size.has_value());
        key.remove_prefix(*size);
    }
    // All values but NULL, which comes last, have one length.
    return key.substr(0, encoded_.size()) < encoded_;
}

Result<std::shared_ptr<const ViewRetention>> ViewRetention::create(
    const plan::ViewPlanPtr& plan, int event_time, int64_t retention_us,
    const EvaluationContext& context) {
    std::shared_ptr<ViewRetention> made(new ViewRetention());
    made->plan_ = plan;
    made->event_time_ = event_time;
    made->key_ = TRY(plan::time_key_of(*plan, event_time));
    made->retention_us_ = retention_us;
    const ScopedLock lock(made->mutex_);
    made->program_ = TRY(Program::compile({plan->keys[made->key_]}, context));
    return std::shared_ptr<const ViewRetention>(std::move(made));
}

KeyFloorPtr ViewRetention::floor_at(std::optional<int64_t> horizon_us) const {
    if (!horizon_us) return nullptr;
    const ScopedLock lock(mutex_);
    if (known_at_ != horizon_us) {
        known_ = compute(*horizon_us);
        known_at_ = horizon_us;
    }
    return known_;
}

KeyFloorPtr ViewRetention::compute(int64_t horizon_us) const {
    const auto column = static_cast<size_t>(event_time_);
    const auto at =
        moment(plan_->input.fields[column].type, static_cast<__int128>(horizon_us) - retention_us_);
    if (!at) return nullptr;
    Batch batch;
    batch.length = 1;
    batch.columns.resize(plan_->input.fields.size());
    batch.columns[column] = Column::constant(*at, 1);
    const std::vector<Evaluated> values = program_->run(batch);
    const Evaluated& key = values.front();
    if (!key.errors.empty() || key.column.is_null(0)) return nullptr;
    return std::make_shared<const KeyFloor>(*plan_, key_, key.column.datum(0));
}

}  // namespace braid::operators
