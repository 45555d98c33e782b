#pragma once

#include <string>

namespace sinter::passes {

// Every switch of the compiler, declared once: SINTER_SWITCH(type, name, default, affects code, help).
// Those that affect code are part of every cache key.
#define SINTER_SWITCHES(SINTER_SWITCH)                                                   \
  SINTER_SWITCH(bool, fuse, true, true, "group ops into kernels; off: one kernel an op") \
  SINTER_SWITCH(bool, check_numerics, false, true,                                       \
                "a NaN or infinity in a result or a state that is written is a fault")   \
  SINTER_SWITCH(bool, verify, false, false, "verify the graph after every pass")

struct Options {
#define SINTER_SWITCH(type, name, initial, affects_code, help) type name = initial;
  SINTER_SWITCHES(SINTER_SWITCH)
#undef SINTER_SWITCH

  // The switches that affect code, as text.
  std::string key() const;
};

}  // namespace sinter::passes
