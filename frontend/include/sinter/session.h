#pragma once

#include <sinter/export.h>
#include <sinter/program.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace SINTER_EXPORT sinter {

// One use of a program whose functions keep state from call to call that is not the program's: the caches of
// a text that is being generated, say (nn::Cache). Any number of them share the program's parameters.
//
//   Session session = program.session({{"time", 512}});
//   Function extend = session.function("extend");
//
// It may be dropped before its functions. It and they are for one thread at a time; those of other sessions,
// and other calls of the program, may run at once, as Program says.
class Session {
 public:
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  // As Program::function, on this session's state and for its sizes; `dims` are those of Dims that no state
  // of a session has. Functions that use no state of a session may be asked for too. Where it writes state of
  // the session alone, it counts as one that writes none: its random numbers follow the number of the call.
  Function function(const std::string& name, const DimSizes& dims = {});

  std::vector<TensorInfo> states() const;    // its own, in order of first use
  Array state(std::string_view name) const;  // a copy
  void set_state(std::string_view name, const Array& value);
  void reset();  // all of it to its beginning

  struct State;

 private:
  friend class Program;
  explicit Session(std::shared_ptr<State> state);

  std::shared_ptr<State> state_;
};

}  // namespace sinter
