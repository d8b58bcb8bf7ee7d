# What stands before everything that goes out; included by this folder's CMakeLists.txt.
room(consumer_egress SOURCES address_gate.c signer.c USES common_base consumer_stages LIBRARIES PkgConfig::CRYPTO)
