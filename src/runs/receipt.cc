// SPDX-License-Identifier: Apache-2.0
#include "runs/receipt.h"

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

std::string to_json(const Receipt& receipt, size_t runs_max) {
    std::string out;
    JsonWriter json(out);
    json.begin_object();
    json.field("manifest", receipt.manifest.value);
    json.field("mode", receipt.mode);
    write_by_stream(json, "cut", receipt.cut);
    write_by_stream(json, "frontier", receipt.frontier);
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
        json.field("expired", uint64_t{0});
        json.end_object();
    }
    json.end_object();
    json.key("runs");
    json.begin_array();
    for (size_t index = 0; index < receipt.parts.size() && index < runs_max; ++index) {
        write_part(json, receipt.parts[index]);
    }
    json.end_array();
    if (receipt.parts.size() > runs_max)
        json.field("runs_left_off", receipt.parts.size() - runs_max);
    json.field("quarantined", receipt.quarantined);
    json.field("expired", receipt.expired);
    json.end_object();
    return out;
}

}  // namespace braid::runs
