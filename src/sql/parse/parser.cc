// SPDX-License-Identifier: Apache-2.0
extern "C" {
#include <pg_query.h>
}
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <simdjson.h>

#include "base/big_stack.h"
#include "base/error_makers.h"
#include "columnar/text_io.h"
#include "sql/parse/lexer.h"
#include "sql/parse/tree_reader_internal.h"
#include "sql/sql.h"

namespace braid::sql {
namespace {

/// One level of our tree is at most three levels of JSON, a list in between.
constexpr size_t kJsonDepthMax = 4 * static_cast<size_t>(kDepthMax) + 64;

struct FreeParseResult {
    void operator()(PgQueryParseResult* result) const { pg_query_free_parse_result(*result); }
};

/// libpg_query passes PostgreSQL's message and place on, but not its SQLSTATE.
std::string_view sqlstate_of(std::string_view message) {
    struct Entry {
        std::string_view beginning;
        std::string_view sqlstate;
    };
    static constexpr Entry kEntries[] = {
        {"memory exhausted", "54001"},
        {"invalid Unicode", "22025"},
        {"invalid byte sequence", "22021"},
        {"unsafe use of", "0A000"},
        {"conversion of", "0A000"},
        {"nonstandard use of", "22P06"},
        {"current database's encoding", "0A000"},
        {"UESCAPE", "42601"},
        {"frame start", "42P20"},
        {"frame end", "42P20"},
        {"precision for type float", "22023"},
    };
    for (const Entry& entry : kEntries) {
        if (message.starts_with(entry.beginning)) return entry.sqlstate;
    }
    if (message.find("not implemented") != std::string_view::npos ||
        message.find("not supported") != std::string_view::npos) {
        return "0A000";
    }
    return "42601";
}

/// Nor its hints.
std::string_view hint_of(std::string_view message, std::string_view sqlstate) {
    if (message.starts_with("subquery in FROM must"))
        return "For example, FROM (SELECT ...) [AS] foo.";
    if (message.starts_with("VALUES in FROM must"))
        return "For example, FROM (VALUES ...) [AS] foo.";
    if (message != "invalid Unicode escape") return {};
    return sqlstate == "22025" ? "Unicode escapes must be \\uXXXX or \\UXXXXXXXX."
                               : "Unicode escapes must be \\XXXX or \\+XXXXXX.";
}

Error convert(const PgQueryError& error) {
    const std::string_view message = error.message == nullptr ? "" : error.message;
    std::string_view sqlstate = sqlstate_of(message);
    // U&'…' is read after the scanner, which has its own code.
    const std::string_view function = error.funcname == nullptr ? "" : error.funcname;
    if (sqlstate == "22025" && function == "str_udeescape") sqlstate = "42601";
    if (sqlstate == "54001") return too_deep();
    const ErrorCode code = sqlstate == "0A000" ? ErrorCode::kUnsupported : ErrorCode::kInvalidInput;
    Error out(code, std::string(message));
    if (error.cursorpos > 0) out = std::move(out).with_position(error.cursorpos);
    const std::string_view hint = hint_of(message, sqlstate);
    if (!hint.empty()) out = std::move(out).with_hint(std::string(hint));
    return std::move(out).with_sqlstate(sqlstate);
}

Result<void> check_text(std::string_view text) {
    if (text.size() > kTextBytesMax) {
        return invalid_input("statement text of {} bytes exceeds the limit of {} bytes",
                             text.size(), kTextBytesMax)
            .with_hint("Send several statements, long values as parameters, and records by HTTP.")
            .with_sqlstate("54000");
    }
    if (text.find('\0') != std::string_view::npos) {
        return invalid_input("invalid byte sequence for encoding \"UTF8\": 0x00")
            .with_sqlstate("22021");
    }
    if (!is_valid_utf8(text)) {
        return invalid_input("invalid byte sequence for encoding \"UTF8\"").with_sqlstate("22021");
    }
    return {};
}

/// Where the statement's own words begin and end, blanks and comments around them left out.
void trim(std::string_view source, size_t& begin, size_t& end) {
    const std::vector<Token> tokens = tokenize(source.substr(begin, end - begin));
    if (tokens.empty()) return;
    end = begin + tokens.back().end;
    begin += tokens.front().begin;
}

Result<Statement> read_one(const std::shared_ptr<const std::string>& source,
                           const JsonObject& raw) {
    size_t begin = static_cast<size_t>(raw.number("stmt_location"));
    const size_t length = static_cast<size_t>(raw.number("stmt_len"));
    begin = std::min(begin, source->size());
    size_t end = length == 0 ? source->size() : std::min(source->size(), begin + length);
    trim(*source, begin, end);
    const JsonNode node = JsonNode::of(raw.object("stmt"));
    TreeReader reader(source);
    StatementTree tree = TRY(reader.statement(node, begin, end));
    Statement out;
    out.kind = TreeReader::kind_of(tree);
    out.text = source->substr(begin, end - begin);
    out.position = position_of(*source, static_cast<int>(begin));
    out.tag = TreeReader::tag_of(node);
    if (auto* prepared = std::get_if<PrepareTree>(&tree.body)) {
        prepared->statement.text = out.text;
        prepared->statement.position = out.position;
    }
    out.tree = std::make_shared<StatementTree>(std::move(tree));
    return out;
}

Result<std::vector<Statement>> read_json(const std::shared_ptr<const std::string>& source,
                                         std::string_view json) {
    simdjson::dom::parser parser;
    if (parser.allocate(json.size(), kJsonDepthMax) != simdjson::SUCCESS) {
        return exhausted("out of memory");
    }
    simdjson::dom::object root;
    const auto failure = parser.parse(json.data(), json.size()).get(root);
    if (failure == simdjson::DEPTH_ERROR) return too_deep();
    if (failure != simdjson::SUCCESS) {
        return internal_error("the parse tree is not readable: {}",
                              simdjson::error_message(failure));
    }
    std::vector<Statement> out;
    for (const auto element : JsonObject(root).array("stmts")) {
        simdjson::dom::object raw;
        if (element.get(raw) != simdjson::SUCCESS) continue;
        out.push_back(TRY(read_one(source, JsonObject(raw))));
    }
    return out;
}

Result<std::vector<Statement>> parse_here(const std::shared_ptr<const std::string>& source) {
    PgQueryParseResult parsed = pg_query_parse(source->c_str());
    const std::unique_ptr<PgQueryParseResult, FreeParseResult> owner(&parsed);
    if (parsed.error != nullptr) return convert(*parsed.error);
    return read_json(source, parsed.parse_tree);
}

}  // namespace

int position_of(std::string_view source, int place) {
    if (place < 0) return 0;
    int position = 1;
    const size_t end = std::min(static_cast<size_t>(place), source.size());
    for (size_t i = 0; i < end; ++i) {
        if ((static_cast<unsigned char>(source[i]) & 0xc0) != 0x80) ++position;
    }
    return position;
}

/// libpg_query recurses as deeply as the statement when it writes its tree.
Result<std::vector<Statement>> parse(std::string_view text) {
    TRY(check_text(text));
    const auto source = std::make_shared<const std::string>(text);
    std::optional<Result<std::vector<Statement>>> out;
    if (!run_on_big_stack([&] { out = parse_here(source); })) {
        return exhausted("no thread for reading a statement").with_sqlstate("53000");
    }
    return std::move(*out);
}

}  // namespace braid::sql
