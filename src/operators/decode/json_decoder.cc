// SPDX-License-Identifier: Apache-2.0
#include "operators/decode/json_reader_internal.h"
#include "operators/decode/json_speculator_internal.h"
#include "operators/decode/slice_decoder_internal.h"

namespace braid::operators {
namespace {

class JsonDecoder final : public SliceDecoder {
  public:
    JsonDecoder(const DecoderSpec& spec, TextFormat format)
        : SliceDecoder(spec.columns, {std::move(format), false}),
          row_(spec.columns, columns()),
          speculator_(row_) {}

  protected:
    void start_slice(TextArena& arena) override { row_.start_slice(&arena); }
    bool read_record(uint32_t row, std::string_view record, std::string& reason) override {
        row_.start(row);
        if (speculator_.read(record, row_)) return true;
        if (!reader_.read(record, row_, reason)) return false;
        speculator_.learn(record, row_);
        return true;
    }

  private:
    JsonRow row_;
    JsonReader reader_;
    JsonSpeculator speculator_;
};

}  // namespace

Result<std::unique_ptr<Decoder>> make_json_decoder(const DecoderSpec& spec) {
    TextFormat format = TRY(read_text_format(spec));
    return std::unique_ptr<Decoder>(std::make_unique<JsonDecoder>(spec, std::move(format)));
}

}  // namespace braid::operators
