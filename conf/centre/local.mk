# conf/centre: what a data centre installs, whole and ready to be made a city's own.
centredir = $(datadir)/loggia/centre
dist_centre_DATA = %D%/radiusd.conf %D%/city.conf %D%/clients.conf %D%/dictionary
centremodsdir = $(centredir)/mods-available
dist_centremods_DATA = %D%/mods-available/always %D%/mods-available/attr_filter %D%/mods-available/expr %D%/mods-available/linelog \
    %D%/mods-available/loggia %D%/mods-available/realm %D%/mods-available/sql
centreconfigdir = $(centredir)/mods-config/loggia
dist_centreconfig_DATA = %D%/mods-config/loggia/erase.sql %D%/mods-config/loggia/migrate-sqlite.sql %D%/mods-config/loggia/partner \
    %D%/mods-config/loggia/queries.conf %D%/mods-config/loggia/schema.sql %D%/mods-config/loggia/schema-postgresql.sql
centrepartnersdir = $(centredir)/partners-available
dist_centrepartners_DATA = %D%/partners-available/universita
centresitesdir = $(centredir)/sites-available
dist_centresites_DATA = %D%/sites-available/loggia
centreschemadir = $(centredir)/schema
dist_centreschema_DATA = %D%/schema/provincia.schema
