// SPDX-License-Identifier: Apache-2.0
// Reads docs/formats/manifest.md; version_writer.cc writes it. The only place that reads JSON here.
#include <charconv>
#include <limits>
#include <utility>

#include <fmt/format.h>
#include <simdjson.h>

#include "base/error_makers.h"
#include "base/hash.h"
#include "manifest/version_file_internal.h"

namespace braid::manifest {

namespace {

constexpr int64_t kFormat = 1;
constexpr std::string_view kCrcPrefix = "\ncrc32c ";
constexpr size_t kCrcLineBytes = 8 + 8 + 1;  // kCrcPrefix, eight digits, a line break

using simdjson::dom::array;
using simdjson::dom::element;

/// One object of the file. What is missing or of another type is remembered once for the whole file
/// and read as nothing, so that reading needs no check at each field.
class Node {
  public:
    Node(simdjson::simdjson_result<element> value, std::string& fault) : fault_(&fault) {
        is_object_ = value.get(object_) == simdjson::SUCCESS;
        if (!is_object_) blame("an object", "");
    }

    bool has(std::string_view name) const { return at(name).error() == simdjson::SUCCESS; }

    template <typename T>
    T number(std::string_view name) const {
        if constexpr (std::is_same_v<T, int64_t>) {
            return get<int64_t>(name);
        } else {
            const auto value = get<uint64_t>(name);
            if (value > std::numeric_limits<T>::max()) blame("a smaller number", name);
            return static_cast<T>(value);
        }
    }
    bool boolean(std::string_view name) const { return get<bool>(name); }
    std::string text(std::string_view name) const {
        return std::string(get<std::string_view>(name));
    }
    ObjectId id(std::string_view name) const { return {number<uint64_t>(name)}; }
    Node node(std::string_view name) const { return Node(at(name), *fault_); }

    template <typename Visit>
    void each(std::string_view name, Visit visit) const {
        array elements;
        if (at(name).get(elements) != simdjson::SUCCESS) return blame("an array", name);
        for (const element value : elements) visit(value);
    }
    template <typename Read>
    auto list(std::string_view name, Read read) const {
        std::vector<decltype(read(*this))> items;
        each(name, [&](element value) { items.push_back(read(Node(element(value), *fault_))); });
        return items;
    }
    template <typename T>
    std::vector<T> numbers(std::string_view name) const {
        std::vector<T> items;
        each(name,
             [&](element value) { items.push_back(T{integer<decltype(T::value)>(value, name)}); });
        return items;
    }
    std::vector<uint64_t> plain_numbers(std::string_view name) const {
        std::vector<uint64_t> items;
        each(name, [&](element value) { items.push_back(integer<uint64_t>(value, name)); });
        return items;
    }
    std::vector<std::string> text_list(std::string_view name) const {
        std::vector<std::string> items;
        each(name, [&](element value) {
            std::string_view text;
            if (value.get(text) != simdjson::SUCCESS) blame("text", name);
            items.emplace_back(text);
        });
        return items;
    }
    std::map<std::string, std::string> texts(std::string_view name) const {
        std::map<std::string, std::string> items;
        simdjson::dom::object object;
        if (at(name).get(object) != simdjson::SUCCESS) {
            blame("an object", name);
            return items;
        }
        for (const auto& field : object) {
            std::string_view value;
            if (field.value.get(value) != simdjson::SUCCESS) blame("text", name);
            items.emplace(field.key, value);
        }
        return items;
    }

    Positions positions(std::string_view name) const { return {numbers<Offset>(name)}; }
    std::optional<int64_t> time_if(std::string_view name) const {
        return has(name) ? std::optional(number<int64_t>(name)) : std::nullopt;
    }
    std::optional<Cut> cut(std::string_view name) const {
        if (at(name).is_null()) return std::nullopt;
        return positions(name);
    }
    Box box() const {
        Box box;
        each("box", [&](element value) {
            array triple;
            if (value.get(triple) != simdjson::SUCCESS || triple.size() != 3) {
                return blame("[partition, from, to]", "box");
            }
            box.intervals.push_back({{integer<uint32_t>(triple.at(0).value_unsafe(), "box")},
                                     {integer<int64_t>(triple.at(1).value_unsafe(), "box")},
                                     {integer<int64_t>(triple.at(2).value_unsafe(), "box")}});
        });
        return box;
    }
    Digest digest(std::string_view name) const {
        const std::string digits = text(name);
        Digest digest;
        if (digits.size() != 32 || !from_hex(digits.substr(0, 16), digest.high) ||
            !from_hex(digits.substr(16), digest.low)) {
            blame("32 hex digits", name);
        }
        return digest;
    }
    std::string bytes(std::string_view name) const {
        const std::string digits = text(name);
        std::string bytes;
        bytes.reserve(digits.size() / 2);
        for (size_t at = 0; at + 1 < digits.size(); at += 2) {
            uint64_t byte = 0;
            if (!from_hex(std::string_view(digits).substr(at, 2), byte)) blame("hex digits", name);
            bytes.push_back(static_cast<char>(byte));
        }
        if (digits.size() % 2 != 0) blame("pairs of hex digits", name);
        return bytes;
    }
    void blame(std::string_view expected, std::string_view name) const {
        if (fault_->empty()) *fault_ = fmt::format("expected {} at \"{}\"", expected, name);
    }

    static bool from_hex(std::string_view digits, uint64_t& value) {
        const auto [end, error] =
            std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
        return error == std::errc() && end == digits.data() + digits.size();
    }

  private:
    simdjson::simdjson_result<element> at(std::string_view name) const {
        if (!is_object_) return simdjson::NO_SUCH_FIELD;
        return object_.at_key(name);
    }
    template <typename T>
    T get(std::string_view name) const {
        T value{};
        if (at(name).get(value) != simdjson::SUCCESS) blame("another value", name);
        return value;
    }
    template <typename T>
    T integer(element value, std::string_view name) const {
        std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t> wide = 0;
        if (value.get(wide) != simdjson::SUCCESS || !std::in_range<T>(wide))
            blame("a number", name);
        return static_cast<T>(wide);
    }

    simdjson::dom::object object_;
    bool is_object_ = false;
    std::string* fault_;
};

catalog::Table read_table(const Node& in) {
    catalog::Table table{.id = in.id("id"),
                         .log = {in.text("log")},
                         .name = in.text("name"),
                         .columns = {},
                         .connector = in.text("connector"),
                         .format = in.text("format"),
                         .options = in.texts("options"),
                         .partition_count = in.number<uint32_t>("partition_count"),
                         .created_at_us = in.number<int64_t>("created_at_us"),
                         .dataset_folder = in.text("dataset_folder")};
    table.columns.fields = in.list("columns", [](const Node& column) {
        Field field{.name = column.text("name"), .type = {}};
        if (!parse_type_name(column.text("type"), field.type)) column.blame("a type", "type");
        return field;
    });
    return table;
}

catalog::FunctionData read_function_data(const Node& in) {
    return {.name = in.text("name"),
            .version = in.number<uint64_t>("version"),
            .digest = in.text("digest"),
            .source = in.text("source")};
}

catalog::ViewVersion read_view_version(const Node& in) {
    return {
        .id = in.id("id"),
        .definition = in.text("definition"),
        .time_zone = in.text("time_zone"),
        .function_data = in.list("function_data", read_function_data),
        .first_seal = in.positions("first_seal"),
        .is_populated = in.boolean("is_populated"),
        .wants_backfill = in.has("wants_backfill") && in.boolean("wants_backfill"),
        .complete_since = in.has("complete_since") ? in.positions("complete_since") : Positions()};
}

catalog::MaterializedView read_view(const Node& in) {
    return {.id = in.id("id"),
            .name = in.text("name"),
            .table = in.id("table"),
            .versions = in.list("versions", read_view_version),
            .current = in.id("current"),
            .created_at_us = in.number<int64_t>("created_at_us"),
            .keys_max = in.has("keys_max") ? in.number<uint64_t>("keys_max") : 0,
            .retention_us = in.time_if("retention_us").value_or(0)};
}

catalog::PlainView read_plain_view(const Node& in) {
    return {.id = in.id("id"),
            .name = in.text("name"),
            .definition = in.text("definition"),
            .created_at_us = in.number<int64_t>("created_at_us")};
}

Part read_part(const Node& in) {
    return {.section = in.number<uint32_t>("section"),
            .file = in.text("file"),
            .at = in.number<uint64_t>("at"),
            .rows = in.number<uint64_t>("rows"),
            .bytes = in.number<uint64_t>("bytes"),
            .crc = in.number<uint32_t>("crc"),
            .digest = in.digest("digest"),
            .first_key = in.bytes("first_key"),
            .last_key = in.bytes("last_key")};
}

Run read_run(const Node& in) {
    const std::string kind = in.text("kind");
    if (kind != "batch" && kind != "sealed") in.blame("batch or sealed", "kind");
    return {.id = in.id("id"),
            .version = in.id("version"),
            .kind = kind == "batch" ? RunKind::kBatch : RunKind::kSealed,
            .box = in.box(),
            .rows = in.number<uint64_t>("rows"),
            .digest = in.digest("digest"),
            .parts = in.list("parts", read_part),
            .counted = in.number<uint64_t>("counted"),
            .filtered = in.number<uint64_t>("filtered"),
            .quarantined = in.number<uint64_t>("quarantined"),
            .failed = in.has("failed") ? in.number<uint64_t>("failed") : 0,
            .level = in.has("level") ? in.number<uint32_t>("level") : 0,
            .increments = in.has("increments") ? in.number<uint32_t>("increments") : 0,
            .expired = in.has("expired") ? in.number<uint64_t>("expired") : 0,
            .erased = in.has("erased") ? in.number<uint64_t>("erased") : 0};
}

Segment read_segment(const Node& in) {
    return {.file = in.text("file"),
            .box = in.box(),
            .rows = in.number<uint64_t>("rows"),
            .bad_rows = in.number<uint64_t>("bad_rows"),
            .bytes = in.number<uint64_t>("bytes"),
            .raw_bytes = in.has("raw_bytes") ? in.number<uint64_t>("raw_bytes") : 0,
            .crc = in.number<uint32_t>("crc"),
            .ingest_day = in.text("ingest_day"),
            .level = in.has("level") ? in.number<uint32_t>("level") : 0,
            .erased_rows = in.has("erased_rows") ? in.number<uint64_t>("erased_rows") : 0,
            .newest_us = in.time_if("newest_us")};
}

Erasure read_erasure(const Node& in) {
    return {.id = in.number<uint64_t>("id"),
            .predicate_hash = in.text("predicate_hash"),
            .ends = in.positions("ends"),
            .rows = in.number<uint64_t>("rows"),
            .at_us = in.number<int64_t>("at_us"),
            .published_at_us = in.number<int64_t>("published_at_us"),
            .done_at_us = in.number<int64_t>("done_at_us")};
}

RetiredSegment read_retired_segment(const Node& in) {
    return {.file = in.text("file"), .at_us = in.number<int64_t>("at_us")};
}

Verdict read_verdict(const Node& in) {
    const bool has_matched = in.boolean("matched");
    // Written before there were verdicts: then a batch answer was published in any case.
    if (!in.has("verdict")) return has_matched ? Verdict::kMatched : Verdict::kAccepted;
    const std::string text = in.text("verdict");
    for (const Verdict verdict :
         {Verdict::kMatched, Verdict::kPending, Verdict::kAccepted, Verdict::kRejected}) {
        if (text == to_text(verdict)) return verdict;
    }
    in.blame("a verdict", "verdict");
    return Verdict::kPending;
}

Audit read_audit(const Node& in) {
    return {.number = in.number<uint64_t>("number"),
            .table = in.id("table"),
            .version = in.id("version"),
            .cut = in.positions("cut"),
            .verdict = read_verdict(in),
            .batch = in.digest("batch"),
            .speed = in.digest("speed"),
            .difference = in.text("difference"),
            .at_us = in.number<int64_t>("at_us")};
}

PublishedCut read_published_cut(const Node& in) {
    return {.number = in.number<uint64_t>("number"),
            .table = in.id("table"),
            .cut = in.positions("cut"),
            .runs = in.numbers<RunId>("runs"),
            .at_us = in.number<int64_t>("at_us")};
}

IdRange read_range(const Node& in) {
    return {.from = in.number<uint64_t>("from"), .to = in.number<uint64_t>("to")};
}

Retired read_retired(const Node& in) {
    return {.run = read_run(in.node("run")), .at_us = in.number<int64_t>("at_us")};
}

Dropped read_dropped(const Node& in) {
    return {.table = in.id("table"),
            .dataset_folder = in.text("dataset_folder"),
            .at_us = in.number<int64_t>("at_us")};
}

std::optional<Candidate> read_candidate(const Node& in) {
    if (!in.has("candidate")) return std::nullopt;
    const Node candidate = in.node("candidate");
    return Candidate{.runs = candidate.list("runs", read_run),
                     .audits = candidate.plain_numbers("audits"),
                     .at_us = candidate.number<int64_t>("at_us")};
}

std::vector<Horizon> read_horizons(const Node& in) {
    if (!in.has("horizons")) return {};
    return in.list("horizons", [](const Node& each) {
        return Horizon{.from = each.positions("from"), .time_us = each.number<int64_t>("time_us")};
    });
}

uint64_t epoch_of(const Node& in) {
    return in.has("erasure_epoch") ? in.number<uint64_t>("erasure_epoch") : 0;
}

TableState read_table_state(const Node& in) {
    return {
        .origin = in.positions("origin"),
        .archive_end = in.positions("archive_end"),
        .sealed_frontier = in.positions("sealed_frontier"),
        .cut_in_flight = in.cut("cut_in_flight"),
        .candidate = read_candidate(in),
        .segments = in.list("segments", read_segment),
        .retired_segments = in.has("retired_segments")
                                ? in.list("retired_segments", read_retired_segment)
                                : std::vector<RetiredSegment>(),
        .cuts = in.list("cuts", read_published_cut),
        .recomputed_at_us = in.time_if("recomputed_at_us").value_or(0),
        .clock_us = in.time_if("clock_us"),
        .horizon_us = in.time_if("horizon_us"),
        .horizons = read_horizons(in),
        .thinned_below = in.has("thinned_below") ? in.positions("thinned_below") : Positions(),
        .erasures = in.has("erasures") ? in.list("erasures", read_erasure) : std::vector<Erasure>(),
        .erasure_epoch = epoch_of(in),
        .readable_from = {in.has("readable_from") ? in.number<uint64_t>("readable_from") : 0},
        .start = in.positions(in.has("start") ? "start" : "origin"),
        .removed_rows = in.has("removed_rows") ? in.number<uint64_t>("removed_rows") : 0};
}

State read_state(const Node& in) {
    State state;
    for (auto& each : in.list("tables", read_table)) state.catalog.tables.put(std::move(each));
    for (auto& each : in.list("views", read_view)) state.catalog.views.put(std::move(each));
    for (auto& each : in.list("plain_views", read_plain_view)) {
        state.catalog.plain_views.put(std::move(each));
    }
    for (auto& each : in.list("function_data", read_function_data)) {
        state.catalog.function_data[each.name] = std::move(each);
    }
    if (in.has("allowed_files")) {
        for (auto& each : in.text_list("allowed_files")) {
            state.allowed_files.edit().insert(std::move(each));
        }
    }
    in.list("table_states", [&](const Node& table) {
        state.tables[table.id("table")] = read_table_state(table);
        return 0;
    });
    in.list("runs", [&](const Node& version) {
        state.runs[version.id("version")] = version.list("runs", read_run);
        return 0;
    });
    state.retired = in.list("retired", read_retired);
    if (in.has("dropped")) state.dropped = in.list("dropped", read_dropped);
    state.audits = in.list("audits", read_audit);
    state.catalog.next_id = in.number<uint64_t>("next_id");
    state.next_run = in.number<uint64_t>("next_run");
    state.next_cut = in.number<uint64_t>("next_cut");
    state.next_audit = in.number<uint64_t>("next_audit");
    if (in.has("epoch")) state.epoch = in.number<uint64_t>("epoch");
    state.open_ids = in.list("open_ids", read_range);
    state.open_runs = in.list("open_runs", read_range);
    return state;
}

template <typename T>
T read_at_cut(const Node& in) {
    return T{.table = in.id("table"),
             .cut = in.positions("cut"),
             .runs = in.list("runs", read_run),
             .audits = in.list("audits", read_audit),
             .epoch = epoch_of(in)};
}

Publish read_publish(const Node& in) {
    auto publish = read_at_cut<Publish>(in);
    publish.clock_us = in.time_if("clock_us");
    if (in.has("start")) {
        publish.start = in.positions("start");
        publish.base_runs = in.list("base_runs", read_run);
    }
    return publish;
}

Change read_change(const Node& in) {
    const auto of = [&](std::string_view name) { return in.node(name); };
    if (in.has("create_table")) {
        return CreateTable{read_table(of("create_table")),
                           in.has("origin") ? in.positions("origin") : Positions()};
    }
    if (in.has("grow")) return Grow{of("grow").id("table"), of("grow").positions("origin")};
    if (in.has("drop_table")) return DropTable{in.id("drop_table")};
    if (in.has("create_view")) return CreateView{read_view(of("create_view"))};
    if (in.has("drop_view")) return DropView{in.id("drop_view")};
    if (in.has("create_plain_view"))
        return CreatePlainView{read_plain_view(of("create_plain_view"))};
    if (in.has("drop_plain_view")) return DropPlainView{in.id("drop_plain_view")};
    if (in.has("take_over")) return TakeOver{in.number<uint64_t>("take_over")};
    if (in.has("allocate_ids")) {
        const Node block = of("allocate_ids");
        return AllocateIds{.ids = block.number<uint64_t>("ids"),
                           .runs = block.number<uint64_t>("runs")};
    }
    if (in.has("set_function_data"))
        return SetFunctionData{read_function_data(of("set_function_data"))};
    if (in.has("allow_files")) return AllowFiles{in.text_list("allow_files")};
    if (in.has("seal")) {
        const Node seal = of("seal");
        return Seal{.table = seal.id("table"),
                    .box = seal.box(),
                    .runs = seal.list("runs", read_run),
                    .clock_us = seal.time_if("clock_us"),
                    .horizons = read_horizons(seal)};
    }
    if (in.has("backfill")) {
        return Backfill{read_run(of("backfill")), in.time_if("clock_us"), epoch_of(in)};
    }
    if (in.has("archive")) {
        const Node archive = of("archive");
        return Archive{archive.id("table"), archive.list("segments", read_segment)};
    }
    if (in.has("replace_segments")) {
        const Node replace = of("replace_segments");
        return ReplaceSegments{.table = replace.id("table"),
                               .removed = replace.text_list("removed"),
                               .added = replace.list("added", read_segment)};
    }
    if (in.has("release_segments")) {
        const Node release = of("release_segments");
        return ReleaseSegments{release.id("table"), release.text_list("files")};
    }
    if (in.has("erase"))
        return Erase{of("erase").id("table"), read_erasure(of("erase").node("erasure"))};
    if (in.has("erased"))
        return Erased{of("erased").id("table"), of("erased").plain_numbers("erasures")};
    if (in.has("choose_cut"))
        return ChooseCut{of("choose_cut").id("table"), of("choose_cut").cut("cut")};
    if (in.has("publish")) return read_publish(of("publish"));
    if (in.has("park")) return read_at_cut<Park>(of("park"));
    if (in.has("accept_audit")) return Judge{in.number<uint64_t>("accept_audit"), true};
    if (in.has("reject_audit")) return Judge{in.number<uint64_t>("reject_audit"), false};
    if (in.has("compact")) {
        return Compact{of("compact").numbers<RunId>("removed"),
                       read_run(of("compact").node("added"))};
    }
    if (in.has("release")) return Release{in.numbers<RunId>("release")};
    if (in.has("forget_cuts")) return ForgetCuts{in.plain_numbers("forget_cuts")};
    if (in.has("sweep")) return Sweep{in.numbers<TableId>("sweep")};
    in.blame("a known change", "changes");
    return Release{};
}

Result<std::string_view> checked_json(std::string_view text, const std::string& path) {
    const auto damaged = [&](std::string_view why) {
        return corrupt("manifest file \"{}\" is damaged: {}", path, why)
            .with_hint("Restore the file from a copy; an older version must not take its place.");
    };
    if (text.size() < kCrcLineBytes || text.back() != '\n') return damaged("it is cut short");
    const std::string_view json = text.substr(0, text.size() - kCrcLineBytes + 1);
    const std::string_view line = text.substr(json.size() - 1);
    uint64_t expected = 0;
    if (!line.starts_with(kCrcPrefix) ||
        !Node::from_hex(line.substr(kCrcPrefix.size(), 8), expected)) {
        return damaged("the checksum line is missing");
    }
    if (crc32c(json) != expected) return damaged("the checksum is wrong");
    return json;
}

}  // namespace

bool is_utf8(std::string_view text) { return simdjson::validate_utf8(text); }

Result<VersionFile> read_version(std::string_view text, const std::string& path) {
    const std::string_view json = TRY(checked_json(text, path));
    simdjson::dom::parser parser;
    element root;
    if (const auto error = parser.parse(json.data(), json.size()).get(root)) {
        return corrupt("manifest file \"{}\" is no JSON: {}", path, simdjson::error_message(error));
    }
    std::string fault;
    const Node in(element(root), fault);
    const auto format = in.number<int64_t>("braid_manifest");
    if (fault.empty() && format != kFormat) {
        return unsupported("manifest file \"{}\" has format {}", path, format)
            .with_hint(fmt::format("This program knows format {}.", kFormat));
    }
    VersionFile file{.number = {in.number<uint64_t>("number")},
                     .writer = in.text("writer"),
                     .at_us = in.number<int64_t>("at_us"),
                     .changes = in.list("changes", read_change),
                     .state = {}};
    if (in.has("state")) {
        file.state = read_state(in.node("state"));
        file.state->number = file.number;
    }
    if (!fault.empty()) return corrupt("manifest file \"{}\" is not understood: {}", path, fault);
    return file;
}

}  // namespace braid::manifest
