// SPDX-License-Identifier: Apache-2.0
#include "sql/parse/lexer.h"

#include <cstddef>
#include <string_view>
#include <vector>

namespace braid::sql {
namespace {

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           static_cast<unsigned char>(c) >= 0x80;
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

class Lexer {
  public:
    explicit Lexer(std::string_view text) : text_(text) {}

    std::vector<Token> run() {
        std::vector<Token> tokens;
        for (;;) {
            skip_blanks();
            if (at_ >= text_.size()) return tokens;
            Token token;
            token.begin = at_;
            token.kind = take();
            token.end = at_;
            tokens.push_back(token);
        }
    }

  private:
    char peek(size_t ahead = 0) const {
        return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
    }

    void skip_blanks() {
        while (at_ < text_.size()) {
            if (is_blank(peek())) {
                ++at_;
            } else if (peek() == '-' && peek(1) == '-') {
                while (at_ < text_.size() && peek() != '\n' && peek() != '\r') ++at_;
            } else if (peek() == '/' && peek(1) == '*') {
                skip_comment();
            } else {
                return;
            }
        }
    }

    void skip_comment() {
        int depth = 0;
        do {
            if (peek() == '/' && peek(1) == '*') {
                ++depth;
                at_ += 2;
            } else if (peek() == '*' && peek(1) == '/') {
                --depth;
                at_ += 2;
            } else {
                ++at_;
            }
        } while (depth > 0 && at_ < text_.size());
    }

    Token::Kind take() {
        const char c = peek();
        if (c == '\'') return take_string(false);
        if ((c == 'e' || c == 'E') && peek(1) == '\'') {
            ++at_;
            return take_string(true);
        }
        if (c == '"') return take_quoted();
        if (c == '$' && (peek(1) == '$' || is_letter(peek(1)))) return take_dollar_string();
        if (is_letter(c)) return take_word();
        if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return take_number();
        ++at_;
        return Token::Kind::kSign;
    }

    Token::Kind take_string(bool with_escapes) {
        ++at_;
        while (at_ < text_.size()) {
            if (with_escapes && peek() == '\\') {
                at_ += 2;
            } else if (peek() != '\'') {
                ++at_;
            } else if (peek(1) == '\'') {
                at_ += 2;
            } else {
                ++at_;
                break;
            }
        }
        if (at_ > text_.size()) at_ = text_.size();
        return Token::Kind::kString;
    }

    Token::Kind take_quoted() {
        ++at_;
        while (at_ < text_.size()) {
            if (peek() != '"') {
                ++at_;
            } else if (peek(1) == '"') {
                at_ += 2;
            } else {
                ++at_;
                break;
            }
        }
        return Token::Kind::kQuoted;
    }

    Token::Kind take_dollar_string() {
        size_t tag_end = at_ + 1;
        while (tag_end < text_.size() && (is_letter(text_[tag_end]) || is_digit(text_[tag_end]))) {
            ++tag_end;
        }
        if (tag_end >= text_.size() || text_[tag_end] != '$') {
            ++at_;
            return Token::Kind::kSign;
        }
        const std::string_view tag = text_.substr(at_, tag_end + 1 - at_);
        const size_t close = text_.find(tag, tag_end + 1);
        at_ = close == std::string_view::npos ? text_.size() : close + tag.size();
        return Token::Kind::kString;
    }

    Token::Kind take_word() {
        while (is_letter(peek()) || is_digit(peek()) || peek() == '$') {
            if (at_ >= text_.size()) break;
            ++at_;
        }
        return Token::Kind::kWord;
    }

    Token::Kind take_number() {
        while (is_digit(peek()) || peek() == '.' || is_letter(peek())) {
            if (at_ >= text_.size()) break;
            ++at_;
        }
        return Token::Kind::kNumber;
    }

    std::string_view text_;
    size_t at_ = 0;
};

}  // namespace

std::vector<Token> tokenize(std::string_view text) { return Lexer(text).run(); }

bool is_word(std::string_view text, const Token& token, std::string_view lower_case) {
    if (token.kind != Token::Kind::kWord || token.end - token.begin != lower_case.size())
        return false;
    for (size_t i = 0; i < lower_case.size(); ++i) {
        char c = text[token.begin + i];
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        if (c != lower_case[i]) return false;
    }
    return true;
}

}  // namespace braid::sql
