# cmake -DNAMES=A;B -DA=a.cc;b.cc -DB=... -DOUT=FILE -P code_version.cmake: defines each name of
# backends/code_version.h, as a text that names the contents of its sources.
set(definitions "")
foreach(name IN LISTS NAMES)
  set(text "")
  foreach(source IN LISTS ${name})
    file(SHA256 ${source} hash)
    string(APPEND text ${hash})
  endforeach()
  string(SHA256 version "${text}")
  string(APPEND definitions "const char* const ${name} = \"${version}\";\n")
endforeach()
file(WRITE ${OUT} "#include \"backends/code_version.h\"\n\nnamespace sinter::backends {\n\n${definitions}\n}\n")
