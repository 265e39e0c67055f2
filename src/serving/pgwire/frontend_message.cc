// SPDX-License-Identifier: Apache-2.0
#include "serving/pgwire/frontend_message.h"

#include <algorithm>

#include "base/error_makers.h"
#include "columnar/text_io.h"

namespace braid::serving::pgwire {

namespace {

constexpr uint32_t kSslCode = 80877103;
constexpr uint32_t kGssCode = 80877104;
constexpr uint32_t kCancelCode = 80877102;

Error violation(std::string_view what) { return invalid_input("{}", what).with_sqlstate("08P01"); }

/// Takes fields off the front of a message, big endian.
class Fields {
  public:
    explicit Fields(std::string_view bytes) : bytes_(bytes) {}

    Result<std::string_view> raw(size_t size) {
        if (bytes_.size() < size) return violation("insufficient data left in message");
        const std::string_view taken = bytes_.substr(0, size);
        bytes_.remove_prefix(size);
        return taken;
    }
    Result<uint8_t> byte() { return static_cast<uint8_t>(TRY(raw(1))[0]); }
    Result<uint16_t> word16() {
        const std::string_view taken = TRY(raw(2));
        return static_cast<uint16_t>(at(taken, 0) << 8 | at(taken, 1));
    }
    Result<uint32_t> word32() {
        const std::string_view taken = TRY(raw(4));
        return uint32_t{at(taken, 0)} << 24 | uint32_t{at(taken, 1)} << 16 |
               uint32_t{at(taken, 2)} << 8 | uint32_t{at(taken, 3)};
    }
    Result<std::string_view> text() {
        const size_t end = bytes_.find('\0');
        if (end == std::string_view::npos) return violation("invalid string in message");
        const std::string_view taken = bytes_.substr(0, end);
        bytes_.remove_prefix(end + 1);
        if (is_valid_utf8(taken)) return taken;
        return invalid_input("invalid byte sequence for encoding \"UTF8\"").with_sqlstate("22021");
    }
    Result<void> end() const {
        if (bytes_.empty()) return {};
        return violation("invalid message format");
    }
    bool at_end() const { return bytes_.empty(); }
    size_t size() const { return bytes_.size(); }

  private:
    static uint8_t at(std::string_view bytes, size_t i) { return static_cast<uint8_t>(bytes[i]); }
    std::string_view bytes_;
};

/// A count of things of at least `size_min` bytes each, so that memory for them may be taken.
Result<size_t> read_count(Fields& fields, size_t size_min) {
    const size_t count = TRY(fields.word16());
    if (count * size_min > fields.size()) return violation("insufficient data left in message");
    return count;
}

Result<std::vector<bool>> read_formats(Fields& fields) {
    std::vector<bool> formats(TRY(read_count(fields, 2)));
    for (size_t i = 0; i < formats.size(); ++i) {
        const uint16_t format = TRY(fields.word16());
        if (format > 1) {
            return invalid_input("unsupported format code: {}", format).with_sqlstate("22023");
        }
        formats[i] = format == 1;
    }
    return formats;
}

Result<FrontendMessage> read_parse(Fields fields) {
    Parse parse;
    parse.statement = TRY(fields.text());
    parse.text = TRY(fields.text());
    parse.parameter_oids.resize(TRY(read_count(fields, 4)));
    for (uint32_t& oid : parse.parameter_oids) oid = TRY(fields.word32());
    TRY(fields.end());
    return parse;
}

Result<FrontendMessage> read_bind(Fields fields) {
    Bind bind;
    bind.portal = TRY(fields.text());
    bind.statement = TRY(fields.text());
    bind.parameter_is_binary = TRY(read_formats(fields));
    bind.values.resize(TRY(read_count(fields, 4)));
    const size_t formats = bind.parameter_is_binary.size();
    if (formats > 1 && formats != bind.values.size()) {
        return violation("bind message has parameter formats and parameters of different number");
    }
    for (auto& value : bind.values) {
        const auto size = static_cast<int32_t>(TRY(fields.word32()));
        if (size < -1) return violation("invalid message format");
        if (size >= 0) value = TRY(fields.raw(static_cast<size_t>(size)));
    }
    bind.result_is_binary = TRY(read_formats(fields));
    TRY(fields.end());
    return bind;
}

template <typename T>
Result<FrontendMessage> read_target(Fields fields) {
    T target;
    const uint8_t kind = TRY(fields.byte());
    if (kind != 'S' && kind != 'P') return violation("invalid message subtype");
    target.is_portal = kind == 'P';
    target.name = TRY(fields.text());
    TRY(fields.end());
    return target;
}

Result<FrontendMessage> read_execute(Fields fields) {
    Execute execute;
    execute.portal = TRY(fields.text());
    const uint32_t rows = TRY(fields.word32());
    execute.rows_max = static_cast<int32_t>(rows) < 0 ? 0 : rows;  // as PostgreSQL takes it
    TRY(fields.end());
    return execute;
}

Result<FrontendMessage> read_query(Fields fields) {
    Query query;
    query.text = TRY(fields.text());
    TRY(fields.end());
    return query;
}

template <typename T>
Result<FrontendMessage> read_empty(Fields fields) {
    TRY(fields.end());
    return T{};
}

}  // namespace

Result<StartupPacket> parse_startup(std::string_view body) {
    Fields fields(body);
    const uint32_t code = TRY(fields.word32());
    if (code == kSslCode) {
        TRY(fields.end());
        return SslRequest{};
    }
    if (code == kGssCode) {
        TRY(fields.end());
        return GssRequest{};
    }
    if (code == kCancelCode) {
        CancelRequest cancel;
        cancel.process = TRY(fields.word32());
        cancel.secret = TRY(fields.word32());
        TRY(fields.end());
        return cancel;
    }
    Startup startup;
    startup.major = static_cast<uint16_t>(code >> 16);
    startup.minor = static_cast<uint16_t>(code & 0xFFFF);
    if (startup.major != 3) return startup;  // what follows is of another protocol
    while (true) {
        const std::string_view name = TRY(fields.text());
        if (name.empty()) break;
        const std::string_view value = TRY(fields.text());
        startup.parameters.emplace_back(name, value);
    }
    TRY(fields.end());
    return startup;
}

Result<FrontendMessage> parse_message(char type, std::string_view body) {
    const Fields fields(body);
    switch (type) {
        case 'Q':
            return read_query(fields);
        case 'P':
            return read_parse(fields);
        case 'B':
            return read_bind(fields);
        case 'D':
            return read_target<Describe>(fields);
        case 'C':
            return read_target<Close>(fields);
        case 'E':
            return read_execute(fields);
        case 'H':
            return read_empty<Flush>(fields);
        case 'S':
            return read_empty<Sync>(fields);
        case 'X':
            return Terminate{};
        default:
            break;
    }
    if (is_message_type(type)) return Unasked{type};
    return violation("invalid frontend message type");
}

bool is_message_type(char type) {
    return type != '\0' && std::string_view("QPBDCEHSXdcfFp").find(type) != std::string_view::npos;
}

Result<std::vector<std::pair<std::string, std::string>>> parse_options(std::string_view options) {
    std::vector<std::string> words;
    bool in_word = false;
    for (size_t i = 0; i < options.size(); ++i) {
        char each = options[i];
        if (each == ' ' || each == '\t' || each == '\n') {
            in_word = false;
            continue;
        }
        if (each == '\\' && i + 1 < options.size()) each = options[++i];
        if (!in_word) words.emplace_back();
        in_word = true;
        words.back() += each;
    }
    std::vector<std::pair<std::string, std::string>> settings;
    for (size_t i = 0; i < words.size(); ++i) {
        std::string_view word = words[i];
        if (word == "-c" && i + 1 < words.size()) {
            word = words[++i];
        } else if (word.starts_with("--") || (word.starts_with("-c") && word.size() > 2)) {
            word.remove_prefix(2);
        } else {
            return invalid_input("invalid command-line argument for server process: {}", word)
                .with_sqlstate("42601");
        }
        const size_t equals = word.find('=');
        if (equals == std::string_view::npos) {
            return invalid_input("-c {} requires a value", word).with_sqlstate("42601");
        }
        std::string name(word.substr(0, equals));
        std::ranges::replace(name, '-', '_');
        settings.emplace_back(std::move(name), word.substr(equals + 1));
    }
    return settings;
}

}  // namespace braid::serving::pgwire
