// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "base/error_makers.h"
#include "operators/decode/byte_marks_internal.h"
#include "operators/decode/slice_decoder_internal.h"

namespace braid::operators {
namespace {

/// In the order of the line; `common` ends after the bytes.
enum LogField : size_t {
    kIp,
    kIdent,
    kUsername,
    kAt,
    kMethod,
    kPath,
    kProtocol,
    kStatus,
    kBytes,
    kReferer,
    kAgent,
    kLogFields,
};
constexpr std::array<std::string_view, kLogFields> kFieldNames = {
    "ip",       "ident",  "username", "at",      "method", "path",
    "protocol", "status", "bytes",    "referer", "agent",
};
constexpr size_t kCommonFields = kReferer;

/// The line as NCSA defined it and Apache and nginx write it:
///
///     ip ident username [at] "method path protocol" status bytes "referer" "agent"
///
/// A field without quotes holds no space; in quotes a backslash takes the next byte with it.
/// Nothing is unescaped. An absent text (nullptr) is NULL.
class LogLineDecoder final : public SliceDecoder {
  public:
    LogLineDecoder(const DecoderSpec& spec, TextFormat format, const std::vector<LogField>& fields)
        : SliceDecoder(spec.columns, {std::move(format), true}),
          has_agent_(spec.format == "combined") {
        for (size_t i = 0; i < fields.size(); ++i) declared_.push_back({i, fields[i]});
        const auto null = spec.options.find("null");
        if (null != spec.options.end()) null_ = null->second;
    }

  protected:
    void start_slice(TextArena&) override;
    bool read_record(uint32_t row, std::string_view record, std::string& reason) override;

  private:
    struct Declared {
        size_t index;  // among the declared
        LogField field;
    };

    bool set(const Declared& column, uint32_t row, std::string& reason);
    void mark(std::string_view record);
    bool split(std::string_view record);
    inline bool take_token(std::string_view record, LogField field, size_t& at);
    inline bool take_time(std::string_view record, size_t& at);
    inline bool take_quoted(std::string_view record, std::string_view& text, size_t& at);
    void split_request(std::string_view record, std::string_view request);

    std::vector<Declared> declared_;
    // Those whose values are kept or may be bad though they are ASCII.
    std::vector<Declared> needed_;
    bool has_agent_;
    std::string null_ = "-";
    // Of the record at hand.
    ByteMarks spaces_;
    ByteMarks quotes_;
    bool is_ascii_ = true;  // and without NUL
    std::array<std::string_view, kLogFields> texts_;
};

bool LogLineDecoder::read_record(uint32_t row, std::string_view record, std::string& reason) {
    mark(record);
    if (!split(record)) {
        reason = has_agent_ ? "line does not match format \"combined\""
                            : "line does not match format \"common\"";
        return false;
    }
    for (const Declared& column : is_ascii_ ? needed_ : declared_) {
        if (!set(column, row, reason)) return false;
    }
    return true;
}

void LogLineDecoder::start_slice(TextArena&) {
    needed_.clear();
    for (const Declared& column : declared_) {
        if (columns()[column.index].is_needed()) needed_.push_back(column);
    }
}

bool LogLineDecoder::set(const Declared& column, uint32_t row, std::string& reason) {
    ColumnWriter& writer = columns()[column.index];
    const std::string_view text = texts_[column.field];
    if (text.data() == nullptr || text == null_) {
        writer.set_null(row);
        return true;
    }
    return is_ascii_ ? writer.set(row, text, reason) : writer.set_unchecked(row, text, reason);
}

void LogLineDecoder::mark(std::string_view record) {
    spaces_.resize(record.size());
    quotes_.resize(record.size());
    const __m256i zero = _mm256_setzero_si256();
    __m256i odd = zero;
    for_each_block(record, [&](size_t i, const ByteBlock& block) {
        spaces_.set_word(i, block.marks_of(' '));
        quotes_.set_word(i, block.marks_of('"'));
        // The high bit of a byte, or all of it where it is NUL.
        odd = _mm256_or_si256(odd, _mm256_or_si256(block.low, _mm256_cmpeq_epi8(block.low, zero)));
        odd =
            _mm256_or_si256(odd, _mm256_or_si256(block.high, _mm256_cmpeq_epi8(block.high, zero)));
    });
    is_ascii_ = _mm256_movemask_epi8(odd) == 0;
}

bool LogLineDecoder::split(std::string_view record) {
    constexpr std::string_view kNobody = "- - ";
    size_t at = 0;
    if (!take_token(record, kIp, at)) return false;
    if (record.substr(at).starts_with(kNobody)) {
        texts_[kIdent] = record.substr(at, 1);
        texts_[kUsername] = record.substr(at + 2, 1);
        at += kNobody.size();
    } else if (!take_token(record, kIdent, at) || !take_token(record, kUsername, at)) {
        return false;
    }
    if (!take_time(record, at)) return false;
    std::string_view request;
    if (!take_quoted(record, request, at)) return false;
    if (at >= record.size() || record[at++] != ' ') return false;
    split_request(record, request);
    if (!take_token(record, kStatus, at)) return false;
    if (!has_agent_) {
        texts_[kBytes] = record.substr(at);
        return !texts_[kBytes].empty() && spaces_.next(at) == ByteMarks::kNone;
    }
    if (!take_token(record, kBytes, at) || !take_quoted(record, texts_[kReferer], at)) return false;
    if (at >= record.size() || record[at++] != ' ') return false;
    return take_quoted(record, texts_[kAgent], at) && at == record.size();
}

/// Up to the next space, which is taken too; not empty.
bool LogLineDecoder::take_token(std::string_view record, LogField field, size_t& at) {
    const size_t end = spaces_.next(at);
    if (end == ByteMarks::kNone || end == at) return false;
    texts_[field] = record.substr(at, end - at);
    at = end + 1;
    return true;
}

/// "[…] "
bool LogLineDecoder::take_time(std::string_view record, size_t& at) {
    constexpr size_t kUsualSize = 26;
    if (at >= record.size() || record[at] != '[') return false;
    const size_t from = at + 1;
    size_t end = from + kUsualSize;
    if (end >= record.size() || record[end] != ']') end = record.find(']', from);
    if (end == std::string_view::npos || end == from) return false;
    if (end + 1 >= record.size() || record[end + 1] != ' ') return false;
    texts_[kAt] = record.substr(from, end - from);
    at = end + 2;
    return true;
}

bool LogLineDecoder::take_quoted(std::string_view record, std::string_view& text, size_t& at) {
    if (at >= record.size() || record[at] != '"') return false;
    const size_t from = at + 1;
    size_t end = quotes_.next(from);
    while (end != ByteMarks::kNone) {
        // Quoted itself if an odd number of backslashes stands before it.
        size_t slash = end;
        while (slash > from && record[slash - 1] == '\\') --slash;
        if ((end - slash) % 2 == 0) break;
        end = quotes_.next(end + 1);
    }
    if (end == ByteMarks::kNone) return false;
    text = record.substr(from, end - from);
    at = end + 1;
    return true;
}

/// Anything but three parts, as port scanners and broken clients send it, gives NULLs.
void LogLineDecoder::split_request(std::string_view record, std::string_view request) {
    texts_[kMethod] = texts_[kPath] = texts_[kProtocol] = {};
    const auto from = static_cast<size_t>(request.data() - record.data());
    const size_t end = from + request.size();
    const size_t first = spaces_.next(from);
    if (first >= end || first == from) return;
    const size_t second = spaces_.next(first + 1);
    if (second >= end || second == first + 1 || second + 1 == end) return;
    if (spaces_.next(second + 1) < end) return;
    texts_[kMethod] = record.substr(from, first - from);
    texts_[kPath] = record.substr(first + 1, second - first - 1);
    texts_[kProtocol] = record.substr(second + 1, end - second - 1);
}

}  // namespace

Result<std::unique_ptr<Decoder>> make_log_line_decoder(const DecoderSpec& spec) {
    const size_t given = spec.format == "combined" ? kLogFields : kCommonFields;
    std::vector<LogField> fields;
    for (const Field& field : spec.columns.fields) {
        size_t at = 0;
        while (at < given && kFieldNames[at] != field.name) ++at;
        if (at < given) {
            fields.push_back(static_cast<LogField>(at));
            continue;
        }
        std::string names;
        for (size_t i = 0; i < given; ++i)
            names += (i == 0 ? "" : ", ") + std::string(kFieldNames[i]);
        return invalid_input("format \"{}\" gives no column \"{}\"", spec.format, field.name)
            .with_sqlstate("42703")
            .with_hint("It gives " + names + ".");
    }
    TextFormat format = TRY(read_text_format(spec));
    return std::unique_ptr<Decoder>(
        std::make_unique<LogLineDecoder>(spec, std::move(format), fields));
}

}  // namespace braid::operators
