#pragma once

#include <fmt/format.h>

#include <cmath>
#include <string>
#include <string_view>

#include "frontend/base/place.h"

namespace sinter {

// What an option may be. Each throws Error "AdamW: beta1 must be in [0,1), got 2 (train.cc:12)" where it is
// not.
class Ranges {
 public:
  Ranges(std::string_view owner, const std::source_location& where, std::string scope = "")
      : Ranges(owner, place_of(where, std::move(scope))) {}
  Ranges(std::string_view owner, graph::Location place) : owner_(owner), place_(std::move(place)) {}

  template <typename T>
  void require(bool holds, std::string_view option, std::string_view range, const T& got) const {
    if (!holds) fail_at(owner_, fmt::format("{} must be {}, got {}", option, range, got), place_);
  }
  void at_least(int64_t least, std::string_view option, int64_t got) const {
    require(got >= least, option, fmt::format("at least {}", least), got);
  }
  void not_negative(std::string_view option, double got) const {
    require(got >= 0 && std::isfinite(got), option, "finite and not negative", got);
  }
  void positive(std::string_view option, double got) const {
    require(got > 0 && std::isfinite(got), option, "finite and above 0", got);
  }
  void finite(std::string_view option, double got) const {
    require(std::isfinite(got), option, "finite", got);
  }
  void fraction(std::string_view option, double got) const {
    require(got >= 0 && got <= 1, option, "in [0,1]", got);
  }
  void below_one(std::string_view option, double got) const {
    require(got >= 0 && got < 1, option, "in [0,1)", got);
  }
  [[noreturn]] void fail(std::string_view message) const { fail_at(owner_, message, place_); }

 private:
  std::string owner_;
  graph::Location place_;
};

}  // namespace sinter
