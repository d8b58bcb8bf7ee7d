# Included by consumer/edge/CMakeLists.txt.
room(consumer_subscriptions SOURCES document_reader.c sink_section.c subscriptions_file.c
     USES common_base common_incident common_service consumer_stages)
