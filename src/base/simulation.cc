// SPDX-License-Identifier: Apache-2.0
#include "base/simulation.h"

#include <algorithm>
#include <array>
#include <limits>
#include <semaphore>

#include <fmt/format.h>

#include "base/check.h"
#include "base/random.h"

namespace braid {

namespace {

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
/// Beyond this something turns in a circle.
constexpr uint64_t kTurnsMax = 50'000'000;
constexpr uint64_t kTurnUsMax = 20;
constexpr uint64_t kStallUsMax = 2'000'000;

}  // namespace

/// One thread: what it waits for, and the semaphore on which it does.
struct Simulation::Actor final : Turns {
    Actor(Simulation& owner, uint64_t number, std::string called)
        : simulation(owner), id(number), name(std::move(called)) {}

    bool is_ready() const {
        return !has_ended && thing == nullptr && until_us <= simulation.wall_us();
    }
    bool is_waiting() const { return !has_ended && !is_ready(); }

    void pass(const Place& at) override;
    void wait(const void* what, const Place& at) override;
    bool wait_for(const void* what, int64_t us, const Place& at) override;
    void wake_one(const void* what) override;
    void wake_all(const void* what) override;
    std::function<void()> start(std::string called, std::function<void()> body,
                                uint64_t& number) override;
    void join(uint64_t number, const Place& at) override;

    void wake() {
        thing = nullptr;
        until_us = 0;
    }
    void end();

    Simulation& simulation;
    const uint64_t id;
    const std::string name;
    Place place = Place::current();
    const void* thing = nullptr;  // what it waits for; null: for the time alone
    int64_t until_us = 0;
    bool was_late = false;  // woken by the time
    bool has_ended = false;
    std::binary_semaphore baton{0};
};

Simulation::Simulation(uint64_t seed) : seed_(seed), random_(seed) {
    constexpr std::array<uint64_t, 4> kPassOneIn = {1, 3, 10, 40};
    constexpr std::array<uint64_t, 4> kStallOneIn = {0, 150, 600, 3000};
    pass_one_in_ = kPassOneIn.at(below(kPassOneIn.size()));
    stall_one_in_ = kStallOneIn.at(below(kStallOneIn.size()));
}

Simulation::~Simulation() = default;

Simulation::Actor& Simulation::add(std::string name) {
    const uint64_t id = actors_.size() + 1;
    actors_.push_back(std::make_unique<Actor>(*this, id, std::move(name)));
    return *actors_.back();
}

void Simulation::run(const std::function<void()>& body) {
    CHECK(Turns::mine() == nullptr);
    Actor& first = add("main");
    Turns::set_mine(&first);
    body();
    Turns::set_mine(nullptr);
    first.has_ended = true;
    if (!std::ranges::all_of(actors_, &Actor::has_ended)) give_up("threads outlive the body");
}

void Simulation::rest_us(int64_t us, const Place& at) {
    static_cast<void>(Turns::mine()->wait_for(this, us, at));
}

uint64_t Simulation::below(uint64_t bound) { return split_mix(random_) % bound; }

void Simulation::advance_to(int64_t us) {
    now_us_.store(std::max(us, wall_us()), std::memory_order_relaxed);
}

void Simulation::hand_on(Actor& from) {
    Actor& next = choose_next();
    if (&next == &from) return;
    next.baton.release();
    from.baton.acquire();
}

Simulation::Actor& Simulation::choose_next() {
    if (++turns_ > kTurnsMax) give_up("they turn for ever");
    advance_to(wall_us() + static_cast<int64_t>(below(kTurnUsMax)));
    std::vector<Actor*> ready;
    while (true) {
        int64_t next_us = kNever;
        for (const auto& actor : actors_) {
            if (actor->has_ended) continue;
            if (actor->thing != nullptr && actor->until_us <= wall_us()) {
                actor->was_late = true;
                actor->wake();
            }
            if (actor->is_ready())
                ready.push_back(actor.get());
            else
                next_us = std::min(next_us, actor->until_us);
        }
        if (!ready.empty()) return *ready[below(ready.size())];
        if (next_us == kNever) give_up("nobody can go on");
        advance_to(next_us);
    }
}

void Simulation::give_up(const char* why) const {
    std::string report = fmt::format("{}, seed {}", why, seed_);
    for (const auto& actor : actors_) {
        if (actor->has_ended) continue;
        report += fmt::format("\n  {} {} at {}:{} in {}", actor->name,
                              actor->is_ready() ? "stands" : "waits", actor->place.file_name(),
                              actor->place.line(), actor->place.function_name());
    }
    internal::check_failed("simulation", __FILE__, __LINE__, report);
}

void Simulation::Actor::pass(const Place& at) {
    place = at;
    if (simulation.is_rare(simulation.stall_one_in_)) {
        until_us = simulation.wall_us() + static_cast<int64_t>(simulation.below(kStallUsMax));
    } else if (!simulation.is_rare(simulation.pass_one_in_)) {
        return;
    }
    simulation.hand_on(*this);
    until_us = 0;
}

void Simulation::Actor::wait(const void* what, const Place& at) {
    place = at;
    thing = what;
    until_us = kNever;
    simulation.hand_on(*this);
}

bool Simulation::Actor::wait_for(const void* what, int64_t us, const Place& at) {
    place = at;
    thing = what;
    until_us = simulation.wall_us() + std::max<int64_t>(us, 0);
    was_late = false;
    simulation.hand_on(*this);
    return !was_late;
}

void Simulation::Actor::wake_one(const void* what) {
    std::vector<Actor*> waiting;
    for (const auto& actor : simulation.actors_) {
        if (!actor->has_ended && actor->thing == what) waiting.push_back(actor.get());
    }
    if (!waiting.empty()) waiting[simulation.below(waiting.size())]->wake();
}

void Simulation::Actor::wake_all(const void* what) {
    for (const auto& actor : simulation.actors_) {
        if (!actor->has_ended && actor->thing == what) actor->wake();
    }
}

std::function<void()> Simulation::Actor::start(std::string called, std::function<void()> body,
                                               uint64_t& number) {
    Actor& fresh = simulation.add(std::move(called));
    number = fresh.id;
    return [&fresh, body = std::move(body)]() mutable {
        fresh.baton.acquire();
        Turns::set_mine(&fresh);
        body();
        body = nullptr;  // with what it holds, while the baton is here
        Turns::set_mine(nullptr);
        fresh.end();
    };
}

void Simulation::Actor::join(uint64_t number, const Place& at) {
    Actor& other = *simulation.actors_.at(number - 1);
    while (!other.has_ended) wait(&other, at);
}

void Simulation::Actor::end() {
    has_ended = true;
    wake_all(this);
    simulation.choose_next().baton.release();
}

}  // namespace braid
