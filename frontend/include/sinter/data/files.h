#pragma once

#include <sinter/array.h>
#include <sinter/data/rows.h>
#include <sinter/export.h>
#include <sinter/program.h>

#include <map>
#include <string>
#include <vector>

// Arrays as files. All is checked while it is read: Error names the file and where in it something is wrong.
// What is written is there whole, or not at all.
namespace SINTER_EXPORT sinter {

// NumPy's format. Elements that arrays do not have become those that hold them: f16 becomes f32; 8 and 16 bit
// integers i32; u32 i64.
Array load_npy(const std::string& path);
void save_npy(const std::string& path, const Array& array);

// Named arrays, and text about them.
struct TensorFile {
  Arrays arrays;
  std::map<std::string, std::string> metadata = {};
};
// The safetensors format. Elements become what arrays have, as in load_npy; bf16 becomes f32.
TensorFile load_safetensors(const std::string& path);
void save_safetensors(const std::string& path, const TensorFile& file);

struct CsvOptions {
  char separator = ',';
  bool header = true;  // the first line names the columns; else they are called "0", "1", ...
  // Which columns to read, in this order; all when left out. Others may hold anything.
  std::vector<std::string> columns = {};
  DType type = f32;  // f32, f64, i32 or i64
};
struct Csv {
  std::vector<std::string> names;
  Array values;  // [rows,columns]

  Array column(const std::string& name) const;  // [rows]; throws Error that lists the names
};
// Numbers in lines of text (RFC 4180: a field may stand in quotes, in which "" is one). Empty lines are
// passed over. The text is read in pieces. Throws Error for a line with too few or too many fields, and for
// one that is no number of the type: "PATH:7: column 'age': 'old' is no number".
Csv load_csv(const std::string& path, const CsvOptions& options = {});

// The same in a file that need not fit into memory, whose numbers are read when they are asked for. Opening
// it looks at all of them once, and keeps a byte a row.
struct CsvRows {
  std::vector<std::string> names;
  Rows values;  // [columns]

  Rows column(const std::string& name) const;  // []; throws Error that lists the names
};
CsvRows open_csv(const std::string& path, const CsvOptions& options = {});

}  // namespace sinter
