// SPDX-License-Identifier: Apache-2.0
// Writes docs/formats/manifest.md; version_reader.cc reads it.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/error_makers.h"
#include "base/hash.h"
#include "manifest/json_writer.h"
#include "manifest/version_file_internal.h"

namespace braid::manifest {

namespace {

/// Elements of containers down to this level stand on lines of their own: a file can be read and
/// grepped.
constexpr int kBrokenLevels = 5;

/// Writes the fields of values; every `fields` is called inside an open object.
class Writer {
  public:
    explicit Writer(std::string& out) : json_(out, kBrokenLevels) {}

    void version(ManifestNumber number, std::string_view writer, int64_t at_us,
                 const std::vector<Change>& changes, const State* whole) {
        json_.begin_object();
        json_.field("braid_manifest", 1);
        json_.field("number", number.value);
        json_.field("writer", writer);
        json_.field("at_us", at_us);
        json_.key("changes");
        json_.begin_array();
        for (const Change& change : changes) {
            json_.begin_object();
            std::visit(*this, change);
            json_.end_object();
        }
        json_.end_array();
        if (whole != nullptr) object("state", *whole);
        json_.end_object();
    }

    void operator()(const CreateTable& change) {
        object("create_table", change.table);
        const bool is_elsewhere =
            std::ranges::any_of(change.origin.at, [](Offset each) { return each != Offset{0}; });
        if (is_elsewhere) positions("origin", change.origin);
    }
    void operator()(const Grow& change) { object("grow", change); }
    void operator()(const DropTable& change) { json_.field("drop_table", change.table.value); }
    void operator()(const CreateView& change) { object("create_view", change.view); }
    void operator()(const DropView& change) { json_.field("drop_view", change.view.value); }
    void operator()(const CreatePlainView& change) { object("create_plain_view", change.view); }
    void operator()(const DropPlainView& change) {
        json_.field("drop_plain_view", change.view.value);
    }
    void operator()(const TakeOver& change) { json_.field("take_over", change.epoch); }
    void operator()(const SetFunctionData& change) { object("set_function_data", change.data); }
    void operator()(const AllocateIds& change) {
        json_.key("allocate_ids");
        json_.begin_object();
        json_.field("ids", change.ids);
        json_.field("runs", change.runs);
        json_.end_object();
    }
    void operator()(const AllowFiles& change) { texts("allow_files", change.directories); }
    void operator()(const Seal& change) { object("seal", change); }
    void operator()(const Backfill& change) {
        object("backfill", change.run);
        time_if("clock_us", change.clock_us);
        if (change.epoch != 0) json_.field("erasure_epoch", change.epoch);
    }
    void operator()(const Archive& change) { object("archive", change); }
    void operator()(const ReplaceSegments& change) { object("replace_segments", change); }
    void operator()(const ReleaseSegments& change) { object("release_segments", change); }
    void operator()(const Erase& change) { object("erase", change); }
    void operator()(const Erased& change) { object("erased", change); }
    void operator()(const ChooseCut& change) { object("choose_cut", change); }
    void operator()(const Publish& change) { object("publish", change); }
    void operator()(const Park& change) { object("park", change); }
    void operator()(const Judge& change) {
        json_.field(change.is_accepted ? "accept_audit" : "reject_audit", change.audit);
    }
    void operator()(const Compact& change) { object("compact", change); }
    void operator()(const Release& change) { ids("release", change.runs); }
    void operator()(const ForgetCuts& change) { ids("forget_cuts", change.cuts); }
    void operator()(const Sweep& change) { ids("sweep", change.tables); }

  private:
    template <typename T>
    void object(std::string_view name, const T& value) {
        json_.key(name);
        object(value);
    }
    template <typename T>
    void object(const T& value) {
        json_.begin_object();
        fields(value);
        json_.end_object();
    }
    template <typename List>
    void objects(std::string_view name, const List& list) {
        json_.key(name);
        json_.begin_array();
        for (const auto& each : list) object(each);
        json_.end_array();
    }
    template <typename Map>
    void values(std::string_view name, const Map& map) {
        json_.key(name);
        json_.begin_array();
        for (const auto& [id, value] : map) object(value);
        json_.end_array();
    }
    template <typename List>
    void ids(std::string_view name, const List& list) {
        json_.key(name);
        json_.begin_short_array();
        for (const auto& each : list) {
            if constexpr (requires { each.value; }) {
                json_.number(each.value);
            } else {
                json_.number(each);
            }
        }
        json_.end_array();
    }
    template <typename List>
    void texts(std::string_view name, const List& list) {
        json_.key(name);
        json_.begin_array();
        for (const std::string& each : list) json_.text(each);
        json_.end_array();
    }
    void ranges(std::string_view name, const std::vector<IdRange>& list) {
        json_.key(name);
        json_.begin_array();
        for (const IdRange& each : list) {
            json_.begin_object();
            json_.field("from", each.from);
            json_.field("to", each.to);
            json_.end_object();
        }
        json_.end_array();
    }
    void positions(std::string_view name, const Positions& value) { ids(name, value.at); }
    void cut(std::string_view name, const std::optional<Cut>& value) {
        if (value) return positions(name, *value);
        json_.key(name);
        json_.null();
    }
    void box(const Box& value) {
        json_.key("box");
        json_.begin_short_array();
        for (const Interval& each : value.intervals) {
            json_.begin_array();
            json_.number(each.partition.value);
            json_.number(each.from.value);
            json_.number(each.to.value);
            json_.end_array();
        }
        json_.end_array();
    }
    void digest(std::string_view name, const Digest& value) {
        std::array<uint64_t, 2> halves = {value.high, value.low};
        for (uint64_t& half : halves) half = __builtin_bswap64(half);  // as people read numbers
        bytes(name, {reinterpret_cast<const char*>(halves.data()), sizeof halves});
    }
    void bytes(std::string_view name, std::string_view value) {
        json_.key(name);
        json_.hex(value);
    }

    void time_if(std::string_view name, std::optional<int64_t> value) {
        if (value) json_.field(name, *value);
    }
    void horizons_if(const std::vector<Horizon>& horizons) {
        if (!horizons.empty()) objects("horizons", horizons);
    }

    void fields(const Horizon& horizon) {
        positions("from", horizon.from);
        json_.field("time_us", horizon.time_us);
    }
    void fields(const Seal& change) {
        json_.field("table", change.table.value);
        box(change.box);
        objects("runs", change.runs);
        time_if("clock_us", change.clock_us);
        horizons_if(change.horizons);
    }
    void fields(const Archive& change) {
        json_.field("table", change.table.value);
        objects("segments", change.segments);
    }
    void fields(const ReplaceSegments& change) {
        json_.field("table", change.table.value);
        texts("removed", change.removed);
        objects("added", change.added);
    }
    void fields(const ReleaseSegments& change) {
        json_.field("table", change.table.value);
        texts("files", change.files);
    }
    void fields(const Erase& change) {
        json_.field("table", change.table.value);
        object("erasure", change.erasure);
    }
    void fields(const Erased& change) {
        json_.field("table", change.table.value);
        ids("erasures", change.erasures);
    }
    void fields(const Erasure& erasure) {
        json_.field("id", erasure.id);
        json_.field("predicate_hash", erasure.predicate_hash);
        positions("ends", erasure.ends);
        json_.field("rows", erasure.rows);
        json_.field("at_us", erasure.at_us);
        json_.field("published_at_us", erasure.published_at_us);
        json_.field("done_at_us", erasure.done_at_us);
    }
    void fields(const ChooseCut& change) {
        json_.field("table", change.table.value);
        cut("cut", change.cut);
    }
    /// Publish or Park.
    template <typename T>
    void fields_at_cut(const T& change) {
        json_.field("table", change.table.value);
        positions("cut", change.cut);
        objects("runs", change.runs);
        objects("audits", change.audits);
        if (change.epoch != 0) json_.field("erasure_epoch", change.epoch);
    }
    void fields(const Publish& change) {
        fields_at_cut(change);
        time_if("clock_us", change.clock_us);
        if (change.start.at.empty()) return;
        positions("start", change.start);
        objects("base_runs", change.base_runs);
    }
    void fields(const Park& change) { fields_at_cut(change); }
    void fields(const Compact& change) {
        ids("removed", change.removed);
        object("added", change.added);
    }

    void fields(const Part& part) {
        json_.field("section", part.section);
        json_.field("file", part.file);
        json_.field("at", part.at);
        json_.field("rows", part.rows);
        json_.field("bytes", part.bytes);
        json_.field("crc", part.crc);
        digest("digest", part.digest);
        bytes("first_key", part.first_key);
        bytes("last_key", part.last_key);
    }
    void fields(const Run& run) {
        json_.field("id", run.id.value);
        json_.field("version", run.version.value);
        json_.field("kind", run.kind == RunKind::kBatch ? "batch" : "sealed");
        box(run.box);
        json_.field("rows", run.rows);
        digest("digest", run.digest);
        json_.field("counted", run.counted);
        json_.field("filtered", run.filtered);
        json_.field("quarantined", run.quarantined);
        if (run.failed != 0) json_.field("failed", run.failed);
        if (run.expired != 0) json_.field("expired", run.expired);
        if (run.level != 0) json_.field("level", run.level);
        if (run.increments != 0) json_.field("increments", run.increments);
        if (run.erased != 0) json_.field("erased", run.erased);
        objects("parts", run.parts);
    }
    void fields(const Segment& segment) {
        json_.field("file", segment.file);
        box(segment.box);
        json_.field("rows", segment.rows);
        json_.field("bad_rows", segment.bad_rows);
        json_.field("bytes", segment.bytes);
        if (segment.raw_bytes != 0) json_.field("raw_bytes", segment.raw_bytes);
        json_.field("crc", segment.crc);
        json_.field("ingest_day", segment.ingest_day);
        if (segment.level != 0) json_.field("level", segment.level);
        if (segment.erased_rows != 0) json_.field("erased_rows", segment.erased_rows);
        time_if("newest_us", segment.newest_us);
    }
    void fields(const RetiredSegment& retired) {
        json_.field("file", retired.file);
        json_.field("at_us", retired.at_us);
    }
    void fields(const Audit& audit) {
        json_.field("number", audit.number);
        json_.field("table", audit.table.value);
        json_.field("version", audit.version.value);
        positions("cut", audit.cut);
        json_.field("matched", audit.verdict == Verdict::kMatched);
        json_.field("verdict", to_text(audit.verdict));
        digest("batch", audit.batch);
        digest("speed", audit.speed);
        json_.field("difference", audit.difference);
        json_.field("at_us", audit.at_us);
    }
    void fields(const Candidate& candidate) {
        objects("runs", candidate.runs);
        ids("audits", candidate.audits);
        json_.field("at_us", candidate.at_us);
    }
    void fields(const PublishedCut& published) {
        json_.field("number", published.number);
        json_.field("table", published.table.value);
        positions("cut", published.cut);
        ids("runs", published.runs);
        json_.field("at_us", published.at_us);
    }
    void fields(const Retired& retired) {
        object("run", retired.run);
        json_.field("at_us", retired.at_us);
    }
    void fields(const Dropped& dropped) {
        json_.field("table", dropped.table.value);
        json_.field("dataset_folder", dropped.dataset_folder);
        json_.field("at_us", dropped.at_us);
    }

    void fields(const catalog::Table& table) {
        json_.field("id", table.id.value);
        json_.field("log", table.log.hex);
        json_.field("name", table.name);
        json_.key("columns");
        json_.begin_array();
        for (const Field& column : table.columns.fields) {
            json_.begin_object();
            json_.field("name", column.name);
            json_.field("type", column.type.name());
            json_.end_object();
        }
        json_.end_array();
        json_.field("connector", table.connector);
        json_.field("format", table.format);
        json_.key("options");
        json_.begin_object();
        for (const auto& [name, value] : table.options) json_.field(name, value);
        json_.end_object();
        json_.field("partition_count", table.partition_count);
        json_.field("created_at_us", table.created_at_us);
        json_.field("dataset_folder", table.dataset_folder);
    }
    void fields(const catalog::FunctionData& data) {
        json_.field("name", data.name);
        json_.field("version", data.version);
        json_.field("digest", data.digest);
        json_.field("source", data.source);
    }
    void fields(const catalog::ViewVersion& version) {
        json_.field("id", version.id.value);
        json_.field("definition", version.definition);
        json_.field("time_zone", version.time_zone);
        objects("function_data", version.function_data);
        positions("first_seal", version.first_seal);
        json_.field("is_populated", version.is_populated);
        if (version.wants_backfill) json_.field("wants_backfill", true);
        if (!version.complete_since.at.empty()) {
            positions("complete_since", version.complete_since);
        }
    }
    void fields(const catalog::MaterializedView& view) {
        json_.field("id", view.id.value);
        json_.field("name", view.name);
        json_.field("table", view.table.value);
        objects("versions", view.versions);
        json_.field("current", view.current.value);
        json_.field("created_at_us", view.created_at_us);
        if (view.keys_max != 0) json_.field("keys_max", view.keys_max);
        if (view.retention_us != 0) json_.field("retention_us", view.retention_us);
    }
    void fields(const catalog::PlainView& view) {
        json_.field("id", view.id.value);
        json_.field("name", view.name);
        json_.field("definition", view.definition);
        json_.field("created_at_us", view.created_at_us);
    }

    void fields(const Grow& change) {
        json_.field("table", change.table.value);
        positions("origin", change.origin);
    }

    void fields(const State& state) {
        values("tables", state.catalog.tables);
        values("views", state.catalog.views);
        values("plain_views", state.catalog.plain_views);
        values("function_data", state.catalog.function_data);
        if (!state.allowed_files->empty()) texts("allowed_files", *state.allowed_files);
        json_.key("table_states");
        json_.begin_array();
        for (const auto& [id, table] : state.tables) {
            json_.begin_object();
            json_.field("table", id.value);
            positions("origin", table.origin);
            positions("archive_end", table.archive_end);
            positions("sealed_frontier", table.sealed_frontier);
            cut("cut_in_flight", table.cut_in_flight);
            if (table.candidate) object("candidate", *table.candidate);
            objects("segments", table.segments);
            if (!table.retired_segments.empty()) {
                objects("retired_segments", table.retired_segments);
            }
            objects("cuts", table.cuts);
            if (table.recomputed_at_us != 0) {
                json_.field("recomputed_at_us", table.recomputed_at_us);
            }
            time_if("clock_us", table.clock_us);
            time_if("horizon_us", table.horizon_us);
            horizons_if(table.horizons);
            if (!table.thinned_below.at.empty()) positions("thinned_below", table.thinned_below);
            if (table.start != table.origin) {
                positions("start", table.start);
                json_.field("removed_rows", table.removed_rows);
            }
            if (table.erasure_epoch != 0) {
                objects("erasures", table.erasures);
                json_.field("erasure_epoch", table.erasure_epoch);
                json_.field("readable_from", table.readable_from.value);
            }
            json_.end_object();
        }
        json_.end_array();
        json_.key("runs");
        json_.begin_array();
        for (const auto& [version, runs] : state.runs) {
            json_.begin_object();
            json_.field("version", version.value);
            objects("runs", runs);
            json_.end_object();
        }
        json_.end_array();
        objects("retired", state.retired);
        if (!state.dropped.empty()) objects("dropped", state.dropped);
        objects("audits", state.audits);
        json_.field("next_id", state.catalog.next_id);
        json_.field("next_run", state.next_run);
        json_.field("next_cut", state.next_cut);
        json_.field("next_audit", state.next_audit);
        if (state.epoch > 0) json_.field("epoch", state.epoch);
        ranges("open_ids", state.open_ids);
        ranges("open_runs", state.open_runs);
    }

    JsonWriter json_;
};

/// About what a listed segment or run takes, so that a large state is not copied while it grows.
constexpr size_t kItemBytes = 512;

size_t estimate(const State* whole) {
    if (whole == nullptr) return 4096;
    size_t items = 16 + whole->retired.size() + whole->audits.size();
    for (const auto& [version, runs] : whole->runs) items += runs.size();
    for (const auto& [id, table] : whole->tables) items += table.segments.size();
    return items * kItemBytes;
}

}  // namespace

Result<std::string> write_version(ManifestNumber number, std::string_view writer, int64_t at_us,
                                  const std::vector<Change>& changes, const State* whole) {
    std::string text;
    text.reserve(estimate(whole));
    Writer(text).version(number, writer, at_us, changes, whole);
    if (!is_utf8(text)) {
        return invalid_input("invalid byte sequence for encoding \"UTF8\" in a catalog text")
            .with_sqlstate("22021");
    }
    text += '\n';
    text += fmt::format("crc32c {:08x}\n", crc32c(text));
    return text;
}

}  // namespace braid::manifest
