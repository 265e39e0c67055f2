// SPDX-License-Identifier: Apache-2.0
#include "runs/receipt.h"

#include "columnar/text_io.h"
#include "columnar/time_zone.h"
#include "manifest/json_writer.h"

namespace braid::runs {

namespace {

using manifest::JsonWriter;

void write_positions(JsonWriter& json, const Positions& positions) {
    json.begin_array();
    for (const Offset offset : positions.at) json.number(offset.value);
    json.end_array();
}

void write_by_stream(JsonWriter& json, std::string_view name,
                     const std::map<std::string, Positions>& positions) {
    json.key(name);
    json.begin_object();
    for (const auto& [stream, at] : positions) {
        json.key(stream);
        write_positions(json, at);
    }
    json.end_object();
}

void write_box(JsonWriter& json, const Box& box) {
    json.key("box");
    json.begin_array();
    for (const Interval& each : box.intervals) {
        json.begin_array();
        json.number(each.partition.value);
        json.number(each.from.value);
        json.number(each.to.value);
        json.end_array();
    }
    json.end_array();
}

std::string time_text(int64_t unix_us) {
    std::string text;
    format_text(Datum{Type::of(TypeKind::kTimestampTz), unix_us + kUnixEpochUs}, utc_format(),
                text);
    return text;
}

void write_part(JsonWriter& json, const Receipt::Part& part) {
    json.begin_object();
    json.field("view", part.view);
    json.field("kind", part.kind);
    write_box(json, part.box);
    json.key("digest");
    if (part.digest) {
        json.text(part.digest->to_hex());
    } else {
        json.null();
    }
    json.field("rows", part.rows);
    json.end_object();
}

}  // namespace

std::string to_json(const Receipt& receipt) {
    std::string out;
    JsonWriter json(out);
    json.begin_object();
    json.field("manifest", receipt.manifest.value);
    json.field("mode", receipt.mode);
    write_by_stream(json, "cut", receipt.cut);
    write_by_stream(json, "frontier", receipt.frontier);
    if (!receipt.start.empty()) write_by_stream(json, "start", receipt.start);
    json.field("speed_share", receipt.speed_share);
    json.key("views");
    json.begin_object();
    for (const auto& [name, view] : receipt.views) {
        json.key(name);
        json.begin_object();
        json.field("version", view.version.value);
        json.key("complete_since");
        write_positions(json, view.complete_since);
        json.field("counted", view.account.counted);
        json.field("filtered", view.account.filtered);
        json.field("quarantined", view.account.quarantined);
        json.field("failed", view.account.failed);
        json.field("expired", view.account.expired);
        json.field("erased", view.account.erased);
        if (view.horizon_us) json.field("horizon", time_text(*view.horizon_us));
        json.end_object();
    }
    json.end_object();
    json.key("runs");
    json.begin_array();
    for (const Receipt::Part& part : receipt.parts) write_part(json, part);
    json.end_array();
    if (receipt.parts_left_off > 0) json.field("runs_left_off", receipt.parts_left_off);
    json.field("quarantined", receipt.quarantined);
    json.field("expired", receipt.expired);
    json.end_object();
    return out;
}

namespace {

uint64_t bytes_of(const Box& box) { return box.intervals.capacity() * sizeof(Interval); }
uint64_t bytes_of(const Positions& positions) { return positions.at.capacity() * sizeof(Offset); }

}  // namespace

uint64_t TiledRuns::bytes_used() const {
    uint64_t bytes = sizeof(*this) + bytes_of(facts.complete_since) + stream.size();
    for (const Receipt::Part& part : parts) {
        bytes += sizeof(part) + part.view.size() + bytes_of(part.box);
    }
    return bytes;
}

size_t ReceiptSource::part_count() const {
    size_t count = own.size();
    for (const View& view : views) count += view.runs->parts.size() + view.ticks.size();
    return count;
}

uint64_t ReceiptSource::bytes_used() const {
    constexpr uint64_t kNodeBytes = 64;  // of a map
    uint64_t bytes = sizeof(*this) + own.size() * sizeof(Receipt::Part);
    for (const View& view : views) {
        bytes += sizeof(view) + bytes_of(view.end);
        for (const Tick& tick : view.ticks) bytes += sizeof(tick) + bytes_of(tick.box);
    }
    for (const auto* vectors : {&ends, &starts}) {
        for (const auto& [stream, at] : *vectors) {
            bytes += kNodeBytes + stream.size() + bytes_of(at);
        }
    }
    return bytes;
}

Receipt make_receipt(const ReceiptSource& source, ReceiptParts parts) {
    Receipt receipt;
    receipt.manifest = source.manifest;
    receipt.mode = source.mode;
    uint64_t batch_events = 0;
    uint64_t speed_events = 0;
    for (const ReceiptSource::View& view : source.views) {
        const TiledRuns& runs = *view.runs;
        Receipt::View& facts = receipt.views[runs.view];
        facts = runs.facts;
        receipt.frontier[runs.stream] = view.end;
        if (runs.cut) receipt.cut[runs.stream] = *runs.cut;
        batch_events += runs.batch_events;
        speed_events += runs.speed_events;
        for (const ReceiptSource::Tick& tick : view.ticks) {
            facts.account.add(tick.account);
            speed_events += tick.account.counted;
        }
        receipt.quarantined += facts.account.quarantined;
        receipt.expired += facts.account.expired;
        if (parts == ReceiptParts::kCounted) continue;
        receipt.parts.insert(receipt.parts.end(), runs.parts.begin(), runs.parts.end());
        for (const ReceiptSource::Tick& tick : view.ticks) {
            receipt.parts.push_back(
                {runs.view, tick.is_own ? "own" : "tick", tick.box, std::nullopt, tick.rows});
        }
    }
    if (parts == ReceiptParts::kCounted) {
        receipt.parts_left_off = source.part_count();
    } else {
        receipt.parts.insert(receipt.parts.end(), source.own.begin(), source.own.end());
    }
    for (const auto& [stream, end] : source.ends) receipt.frontier[stream] = end;
    receipt.start = source.starts;
    const uint64_t events = batch_events + speed_events;
    receipt.speed_share =
        events == 0 ? 0 : static_cast<double>(speed_events) / static_cast<double>(events);
    return receipt;
}

}  // namespace braid::runs
