// SPDX-License-Identifier: Apache-2.0
#include "log/log_factory.h"

#include <utility>

#include "base/error_makers.h"

namespace braid::log {

namespace {

class NodeLogFactory final : public LogFactory {
  public:
    explicit NodeLogFactory(LogGround ground) : ground_(std::move(ground)) {}

    Result<Positions> origin_of(const LogSpec& spec) override {
        return Positions::zero(spec.partition_count);
    }

    Result<std::shared_ptr<PartitionedLog>> open(LogSpec spec) override {
        switch (spec.kind) {
            case LogKind::kEmbedded:
                return open_embedded(std::move(spec));
        }
        return internal_error("there is no log of kind {}", static_cast<int>(spec.kind));
    }

  private:
    Result<std::shared_ptr<PartitionedLog>> open_embedded(LogSpec spec) {
        EmbeddedLogOptions options = ground_.embedded;
        options.admit = std::move(spec.admit);
        options.health = std::move(spec.health);
        return std::shared_ptr<PartitionedLog>(TRY(open_embedded_log(
            *ground_.files, *ground_.clock, std::move(spec.directory), std::move(spec.id),
            spec.partition_count, std::move(options), ground_.metrics, ground_.host)));
    }

    const LogGround ground_;
};

}  // namespace

std::unique_ptr<LogFactory> make_log_factory(LogGround ground) {
    return std::make_unique<NodeLogFactory>(std::move(ground));
}

}  // namespace braid::log
